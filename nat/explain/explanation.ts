// SPDX-License-Identifier: Apache-2.0
/** Why two hosts reach each other as they do: the path, what stands in the way of a better one, and what would help. */
import type { CandidateKind } from '../candidate.ts'
import { type Obstacle, obstacleOf } from './obstacle.ts'
import type { PairFacts } from './pair-facts.ts'
import { remediesOf } from './remedy.ts'

export interface Explanation {
  /** All of it in one sentence. */
  readonly sentence: string
  /** Undefined while the path is direct, or checks are still under way. */
  readonly obstacle: Obstacle | undefined
  readonly remedies: readonly string[]
}

export function explain(facts: PairFacts): Explanation {
  if (facts.path.kind === 'direct') {
    return { sentence: directText(facts), obstacle: undefined, remedies: [] }
  }
  if (facts.onTrial !== undefined && !facts.carriesNothing) {
    const answer = `${facts.peer.name} answers at ${facts.onTrial}, and traffic moves there once it has carried packets`
    const sentence = `${stateText({ ...facts, isResting: false })}: ${answer}`
    return { sentence, obstacle: undefined, remedies: [] }
  }
  const isSettled = facts.isResting || facts.checks.length === 0 || facts.carriesNothing
  const obstacle = isSettled ? obstacleOf(facts) : undefined
  const sentence = `${stateText(facts)}: ${obstacle?.sentence ?? checkingText(facts)}`
  return { sentence, obstacle, remedies: remediesOf(facts, obstacle) }
}

const KIND_TEXT: Readonly<Record<CandidateKind, string>> = {
  host: 'its own address',
  mapped: 'the port that its router forwards',
  'server-reflexive': 'the address that its NAT gives it',
  relayed: 'what its TURN server gave it',
  'peer-reflexive': 'the address that its packets showed',
}

function directText({ path, checks }: PairFacts): string {
  const endpoint = path.kind === 'direct' ? path.endpoint : undefined
  const from =
    path.kind === 'direct' && path.isPunched ? ', from a socket that a search has punched' : ''
  const kind = checks.find(({ address }) => address === endpoint)?.kind ?? 'peer-reflexive'
  return `direct to ${KIND_TEXT[kind]}${from}, proven by round trips`
}

function stateText({ own, path, isResting, hubs }: PairFacts): string {
  switch (path.kind) {
    case 'direct':
      return 'direct'
    case 'relay':
      return path.hubServer === undefined
        ? `relayed over ${path.via}`
        : `relayed over ${path.via}, which ${own.name} reaches over TURN (${path.hubServer})`
    case 'turn':
      return `relayed over TURN (${path.via})`
    case 'channel':
      return 'over a data channel (WebRTC)'
    case 'none':
      if (!isResting) return 'no path yet'
      return hubs === 0 ? 'no path, and no hub is reached' : 'no path, not over a hub either'
  }
}

function checkingText({ checks }: PairFacts): string {
  const open = checks.filter(({ state }) => state === 'waiting' || state === 'in-progress').length
  return `${open} of ${checks.length} address${checks.length === 1 ? '' : 'es'} still being checked`
}
