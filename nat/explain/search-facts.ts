// SPDX-License-Identifier: Apache-2.0
/** What searches for a way through a hard NAT have come to, in words. */
import type { Prospect, SearchVerdict } from '../search/birthday.ts'
import { SEARCHES_PER_EPOCH_MAX } from '../search/constants.ts'

export interface SearchFacts {
  readonly verdict: SearchVerdict
  /** Searches since a NAT was last another one. */
  readonly attempts: number
  readonly isUnderWay: boolean
}

/** Empty where a search has nothing to do with it. */
export function searchText({ verdict, attempts, isUnderWay }: SearchFacts): string {
  if (!verdict.ok) {
    return verdict.error === 'disabled'
      ? 'no search is made, because one of them has birthday_search = false'
      : ''
  }
  const means = meansText(verdict.value)
  if (isUnderWay) return `a search with ${means} is under way`
  if (attempts === 0) return `a search with ${means} begins soon`
  const count = `${attempts} of ${SEARCHES_PER_EPOCH_MAX} searches with ${means}`
  return `${count} ${attempts === 1 ? 'has' : 'have'} found nothing`
}

function meansText({ task, sockets, probes, chance }: Prospect): string {
  const sent = `${probes.toLocaleString('en')} probes${task === 'cross' ? ' from each side' : ''}`
  const from = sockets === 0 ? '' : `${sockets} sockets and `
  const likely = chance === undefined ? '' : ` (${Math.round(chance * 100)} % likely to meet)`
  return `${from}${sent}${likely}`
}
