// SPDX-License-Identifier: Apache-2.0
/**
 * How long a doubt lasts before it is taken for certain (Lifeguard, "Local health aware suspicion"):
 *
 * ```
 * least   = 4 max(1, log10 n) period         most = 6 least
 * timeout = max(least, most - (most - least) log(c + 1) / log(k + 1))
 * ```
 * with n members and c of k others that doubt as well. One doubter alone may be at fault itself, and waits longest.
 */
import { type Instant, later } from '../nat/clock.ts'

export interface Suspicion {
  readonly since: Instant
  readonly leastMs: number
  readonly mostMs: number
  /** Others that are expected to doubt as well. */
  readonly expected: number
  readonly confirmedBy: Set<string>
}

const LEAST_FACTOR = 4
const MOST_FACTOR = 6
const EXPECTED_CONFIRMATIONS = 3

/** `members`: of the group, the doubter and the doubted included. */
export function createSuspicion(
  members: number,
  periodMs: number,
  from: string,
  now: Instant,
): Suspicion {
  const leastMs = LEAST_FACTOR * Math.max(1, Math.log10(members)) * periodMs
  // Nobody else is there to confirm it in a small group.
  const expected = members - 2 < EXPECTED_CONFIRMATIONS ? 0 : EXPECTED_CONFIRMATIONS
  const mostMs = MOST_FACTOR * leastMs
  return { since: now, leastMs, mostMs, expected, confirmedBy: new Set([from]) }
}

/** Another member doubts as well; false if that changes nothing. */
export function confirm(suspicion: Suspicion, from: string): boolean {
  if (suspicion.confirmedBy.has(from)) return false
  if (suspicion.confirmedBy.size > suspicion.expected) return false
  suspicion.confirmedBy.add(from)
  return true
}

export function suspicionDeadline(suspicion: Suspicion): Instant {
  return later(suspicion.since, suspicionTimeoutMs(suspicion))
}

export function suspicionTimeoutMs({ leastMs, mostMs, expected, confirmedBy }: Suspicion): number {
  if (expected === 0) return leastMs
  const confirmations = confirmedBy.size - 1
  const share = Math.log(confirmations + 1) / Math.log(expected + 1)
  return Math.max(leastMs, mostMs - (mostMs - leastMs) * share)
}
