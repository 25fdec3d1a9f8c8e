// SPDX-License-Identifier: Apache-2.0
/**
 * Two kinds of time, never mixed. A step is given both; a pure folder asks no clock.
 */

declare const instantBrand: unique symbol
declare const wallTimeBrand: unique symbol

/** Monotonic milliseconds since an arbitrary origin: for deadlines, pacing and round trips. */
export type Instant = number & { readonly [instantBrand]: true }

/** Unix milliseconds: for what is signed and compared between hosts (lifetimes, versions). */
export type WallTime = number & { readonly [wallTimeBrand]: true }

/** The moment at which a step runs, read once by the shell. */
export interface Now {
  readonly instant: Instant
  readonly wall: WallTime
}

export function instant(ms: number): Instant {
  return ms as Instant
}

export function wallTime(unixMs: number): WallTime {
  return unixMs as WallTime
}

export function later(start: Instant, delayMs: number): Instant {
  return (start + delayMs) as Instant
}

/** The earliest of some deadlines, or undefined if none is set. */
export function earliest(deadlines: Iterable<Instant | undefined>): Instant | undefined {
  let first: Instant | undefined
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline
  }
  return first
}
