// SPDX-License-Identifier: Apache-2.0
/**
 * How far a node trusts itself (Lifeguard, "Local health multiplier"): a host that is starved or badly connected
 * misses answers by its own fault, and gives others more time before it doubts them.
 */

export interface LocalHealth {
  /** 0: all is well. */
  score: number
}

/** Eight times slower at the worst. */
export const HEALTH_SCORE_MAX = 8

/** answered: a probe came back. unanswered: it did not. nack-missed: a helper of ours did not even say that. refuted: others doubted us. */
export type HealthSign = 'answered' | 'unanswered' | 'nack-missed' | 'refuted'

export function createLocalHealth(): LocalHealth {
  return { score: 0 }
}

export function noticeHealth(health: LocalHealth, sign: HealthSign): void {
  const change = sign === 'answered' ? -1 : 1
  health.score = Math.min(HEALTH_SCORE_MAX, Math.max(0, health.score + change))
}

/** A pause or a patience of a healthy node, as long as this one needs it. */
export function scaled(health: LocalHealth, ms: number): number {
  return ms * (health.score + 1)
}
