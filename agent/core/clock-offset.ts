// SPDX-License-Identifier: Apache-2.0
/**
 * How far this host's clock is from the others', by the time that they write on their signs of life. A record was made before
 * it arrives, so of some records of one member the one that seems youngest tells most.
 */
import type { WallTime } from '../../nat/clock.ts'
import type { Node, Peer } from './state.ts'
import type { ClockStatus } from './status.ts'

/** Of each member: one that lay in somebody's view for a while is followed by one that did not. */
const SAMPLES_MAX = 3
const SAMPLES_MIN = 2

/** Less is nobody's worry: documents bear minutes. */
export const CLOCK_OFF_MS = 30_000

/** A record of a member that was known before has arrived. */
export function noteIssued({ clockSamples }: Peer, issuedAt: WallTime, now: WallTime): void {
  clockSamples.push(issuedAt - now)
  if (clockSamples.length > SAMPLES_MAX) clockSamples.shift()
}

/** Null while most members' clocks say what this host's does, or nobody can tell whose is right. */
export function clockOf(node: Node): ClockStatus | null {
  const aheadOfUs = [...node.peers.values()]
    .filter(({ clockSamples }) => clockSamples.length >= SAMPLES_MIN)
    .map(({ clockSamples }) => Math.max(...clockSamples))
    .sort((a, b) => a - b)
  const lower = aheadOfUs[Math.floor((aheadOfUs.length - 1) / 2)]
  const upper = aheadOfUs[Math.floor(aheadOfUs.length / 2)]
  if (lower === undefined || upper === undefined) return null
  const allAhead = lower > CLOCK_OFF_MS
  const allBehind = upper < -CLOCK_OFF_MS
  if (!allAhead && !allBehind) return null
  const offMs = -(allAhead ? lower : upper)
  const seconds = Math.round(Math.abs(offMs) / 1_000)
  const side = offMs < 0 ? 'behind' : 'ahead of'
  const whose = aheadOfUs.length === 1 ? "the other member's" : "most members'"
  return { offMs, sentence: `this host's clock is ${seconds} s ${side} ${whose}` }
}
