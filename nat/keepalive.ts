// SPDX-License-Identifier: Apache-2.0
import { KEEPALIVE_MS } from './constants.ts'

/**
 * Pace of probes on an idle path, so that every NAT on the way keeps its mapping.
 *
 * `mappingLifetimeMs`: the shortest lifetime learned on the way; two thirds of it leave room for one lost probe
 * only where the lifetime is long, so never less than a second and never more than the default.
 */
export function keepaliveMs(mappingLifetimeMs: number | undefined): number {
  if (mappingLifetimeMs === undefined) return KEEPALIVE_MS
  return Math.max(1000, Math.min(KEEPALIVE_MS, Math.floor((mappingLifetimeMs * 2) / 3)))
}
