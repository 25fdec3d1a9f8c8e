// SPDX-License-Identifier: Apache-2.0
/** What a node believes of the life of the others, and what it says of that: SWIM's state, and how claims change it. */
import type { Instant } from '../nat/clock.ts'
import {
  createDissemination,
  type Dissemination,
  spread,
  spreadAgain,
  type Update,
  withdraw,
} from './dissemination.ts'
import { createFailureDetector, type FailureDetector } from './failure-detector.ts'
import { type Claim, type Life, overrides, refutation } from './incarnation.ts'
import { createLocalHealth, type LocalHealth, noticeHealth } from './local-health.ts'
import { confirm, createSuspicion, type Suspicion, suspicionDeadline } from './suspicion.ts'
import type { SwimMessage } from './swim-codec.ts'

/** SWIM's protocol period, and how long an answer may take before others are asked. */
export const PERIOD_MS = 1_000
export const TIMEOUT_MS = 500

export interface SwimMember {
  readonly address: string
  claim: Claim
  suspicion: Suspicion | undefined
  /** Whether anything was heard of it in this run: until then nobody knows. */
  heard: boolean
}

/** A probe on behalf of another member. */
export interface Relayed {
  readonly asker: string
  readonly sequence: number
  readonly target: string
  readonly nackAt: Instant
  readonly endAt: Instant
  nacked: boolean
}

export interface Swim {
  /** Our mesh IPv4 address: the name by which members know each other here. */
  readonly self: string
  incarnation: number
  readonly members: Map<string, SwimMember>
  readonly suspects: Set<string>
  readonly failed: Set<string>
  readonly detector: FailureDetector
  readonly health: LocalHealth
  readonly news: Dissemination
  readonly relayed: Map<number, Relayed>
  sequence: number
  periods: number
  nextPeriodAt: Instant
}

export type SwimEffect =
  | { readonly kind: 'send'; readonly to: string; readonly message: SwimMessage }
  | { readonly kind: 'life'; readonly member: string; readonly life: Life; readonly before: Life }

/** `incarnation`: higher than in any earlier run; the wall clock in milliseconds is. */
export function createSwim(self: string, incarnation: number, now: Instant): Swim {
  return {
    self,
    incarnation,
    members: new Map(),
    suspects: new Set(),
    failed: new Set(),
    detector: createFailureDetector(),
    health: createLocalHealth(),
    news: createDissemination(),
    relayed: new Map(),
    sequence: 0,
    periods: 0,
    nextPeriodAt: now,
  }
}

/** Exactly these members from now on, by their mesh addresses; what is known of those that stay is kept. */
export function setMembers(swim: Swim, addresses: ReadonlySet<string>): void {
  for (const address of swim.members.keys()) {
    if (addresses.has(address)) continue
    swim.members.delete(address)
    swim.suspects.delete(address)
    swim.failed.delete(address)
    withdraw(swim.news, address)
  }
  for (const address of addresses) {
    if (address === swim.self || swim.members.has(address)) continue
    const claim = { life: 'alive', incarnation: 0 } as const
    swim.members.set(address, { address, claim, suspicion: undefined, heard: false })
  }
}

/** Takes what `from` says of a member. */
export function takeUpdate(swim: Swim, update: Update, from: string, now: Instant): SwimEffect[] {
  if (update.member === swim.self) return refute(swim, update)
  const member = swim.members.get(update.member)
  if (member === undefined) return []
  if (update.life === 'alive' && update.incarnation > 0) member.heard = true
  if (overrides(update, member.claim)) return setLife(swim, member, update, now, from)
  const { claim, suspicion } = member
  // Whoever still says this has missed an answer to it.
  if (update.incarnation < claim.incarnation && update.life !== 'alive')
    spreadAgain(swim.news, { ...claim, member: member.address, by: swim.self })
  const isSameDoubt = update.life === 'suspect' && claim.incarnation === update.incarnation
  // Each new doubter is news, so that the others learn how many there are.
  if (isSameDoubt && suspicion !== undefined && confirm(suspicion, update.by))
    spread(swim.news, update)
  return []
}

/** Our own doubt: the member did not answer. */
export function doubt(swim: Swim, member: SwimMember, now: Instant): SwimEffect[] {
  const { life, incarnation } = member.claim
  if (life === 'failed' || life === 'left') return []
  if (life === 'suspect') {
    if (member.suspicion !== undefined && confirm(member.suspicion, swim.self))
      spread(swim.news, { ...member.claim, member: member.address, by: swim.self })
    return []
  }
  const claim = { life: 'suspect', incarnation } as const
  return setLife(swim, member, { ...claim, by: swim.self }, now)
}

/** Doubts that have lasted long enough are taken for certain. */
export function expireSuspicions(swim: Swim, now: Instant): SwimEffect[] {
  const effects: SwimEffect[] = []
  for (const address of swim.suspects) {
    const member = swim.members.get(address)
    if (member?.suspicion === undefined || suspicionDeadline(member.suspicion) > now) continue
    const claim = { life: 'failed', incarnation: member.claim.incarnation } as const
    effects.push(...setLife(swim, member, { ...claim, by: swim.self }, now))
  }
  return effects
}

function setLife(
  swim: Swim,
  member: SwimMember,
  { life, incarnation, by }: Omit<Update, 'member'>,
  now: Instant,
  from = swim.self,
): SwimEffect[] {
  const before = member.claim.life
  const { address } = member
  member.claim = { life, incarnation }
  const size = swim.members.size + 1
  member.suspicion = life === 'suspect' ? createSuspicion(size, PERIOD_MS, by, now) : undefined
  if (life === 'suspect') swim.suspects.add(address)
  else swim.suspects.delete(address)
  if (life === 'failed') swim.failed.add(address)
  else swim.failed.delete(address)
  // What somebody says of its own life in passing is no news.
  if (life === 'alive' && before === 'alive' && from === address) return []
  spread(swim.news, { life, incarnation, member: address, by })
  return before === life ? [] : [{ kind: 'life', member: address, life, before }]
}

function refute(swim: Swim, { life, incarnation }: Update): SwimEffect[] {
  if (life === 'alive' || incarnation < swim.incarnation) return []
  swim.incarnation = refutation(swim.incarnation, incarnation)
  noticeHealth(swim.health, 'refuted')
  const { self: member, incarnation: next } = swim
  spread(swim.news, { life: 'alive', incarnation: next, member, by: member })
  return []
}
