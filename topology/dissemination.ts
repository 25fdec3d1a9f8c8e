// SPDX-License-Identifier: Apache-2.0
/**
 * News that rides on probes and their answers (SWIM section 4.1): each piece so often that it reaches everybody with high
 * probability, the least told first, and never more than a datagram or the queue has room for.
 */
import type { Claim } from './incarnation.ts'

/** What is said of one member. */
export interface Update extends Claim {
  /** The member's mesh address. */
  readonly member: string
  /** Who came to that belief by itself: doubts of different members count together. */
  readonly by: string
}

interface Queued {
  readonly update: Update
  told: number
}

export interface Dissemination {
  /** At most one piece of news a member: a newer one takes the place of the older. */
  readonly queue: Map<string, Queued>
}

/** Each piece is told 4 log10(n + 1) times. */
const TELL_FACTOR = 4

/** Beyond this, what was told most is left to records and anti-entropy. */
export const QUEUE_MAX = 512

export function createDissemination(): Dissemination {
  return { queue: new Map() }
}

export function spread({ queue }: Dissemination, update: Update): void {
  // Set anew, so that equally old news goes round by turns.
  queue.delete(update.member)
  queue.set(update.member, { update, told: 0 })
  if (queue.size <= QUEUE_MAX) return
  let most: [string, Queued] | undefined
  for (const entry of queue) if (most === undefined || entry[1].told > most[1].told) most = entry
  if (most !== undefined) queue.delete(most[0])
}

/** For those who have missed it; what is being told anyway goes on as it is. */
export function spreadAgain(dissemination: Dissemination, update: Update): void {
  if (!dissemination.queue.has(update.member)) spread(dissemination, update)
}

/** At most `max` pieces for one datagram, counted as told. `members`: of the group. */
export function takeNews({ queue }: Dissemination, max: number, members: number): Update[] {
  if (queue.size === 0) return []
  const often = Math.ceil(TELL_FACTOR * Math.log10(members + 1))
  const chosen = [...queue.values()].sort((a, b) => a.told - b.told).slice(0, max)
  for (const item of chosen) {
    item.told += 1
    if (item.told >= often) queue.delete(item.update.member)
  }
  return chosen.map(({ update }) => update)
}

export function withdraw({ queue }: Dissemination, member: string): void {
  queue.delete(member)
}
