// SPDX-License-Identifier: Apache-2.0
/**
 * What is claimed of a member's life, and which of two claims counts (SWIM section 4.2). Only the member itself raises
 * its incarnation: to say that it lives although somebody doubts it.
 */

/** left: it said so itself. */
export type Life = 'alive' | 'suspect' | 'failed' | 'left'

export interface Claim {
  readonly life: Life
  readonly incarnation: number
}

/** A 48-bit number: unix milliseconds fit, and a restarted member outbids what was said of its earlier run. */
export const INCARNATION_MAX = 2 ** 48 - 1

/** Of one incarnation the worse claim counts: alive, then suspect, then failed, then left. */
const WEIGHT: Readonly<Record<Life, number>> = { alive: 0, suspect: 1, failed: 2, left: 3 }

/** Whether `claim` counts against what is held. */
export function overrides(claim: Claim, held: Claim): boolean {
  if (claim.incarnation !== held.incarnation) return claim.incarnation > held.incarnation
  return WEIGHT[claim.life] > WEIGHT[held.life]
}

/** The incarnation with which a member answers a doubt about itself. */
export function refutation(own: number, doubted: number): number {
  return Math.min(INCARNATION_MAX, Math.max(own, doubted) + 1)
}
