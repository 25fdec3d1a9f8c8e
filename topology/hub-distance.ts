// SPDX-License-Identifier: Apache-2.0
import type { NodeId } from './identity.ts'

/** A hub that this node reaches by a path of its own. */
export interface HubLink {
  readonly hub: NodeId
  readonly rttMs: number | undefined
}

/**
 * Leaving a hub costs every peer a new route, so another must be nearer by both. Round trips are smoothed, and noise
 * of some tens of milliseconds on a wireless link stays below this.
 */
const GAIN_MS = 20
const GAIN_RATIO = 0.5

/** Whether traffic should move from one hub to the other. What was not measured yet is neither left nor chosen. */
export function isClearlyNearer(challenger: HubLink, incumbent: HubLink): boolean {
  if (challenger.rttMs === undefined || incumbent.rttMs === undefined) return false
  const gainMs = incumbent.rttMs - challenger.rttMs
  return gainMs > GAIN_MS && gainMs > incumbent.rttMs * GAIN_RATIO
}

/** A total order; those not measured come last. */
export function nearestFirst(a: HubLink, b: HubLink): number {
  const difference = (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity)
  if (difference !== 0 && !Number.isNaN(difference)) return difference
  return a.hub < b.hub ? -1 : a.hub > b.hub ? 1 : 0
}
