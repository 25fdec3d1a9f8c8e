// SPDX-License-Identifier: Apache-2.0
import {
  KEEPALIVE_MARGIN_MS,
  KEEPALIVE_MS,
  KEEPALIVE_MS_MAX,
  KEEPALIVE_MS_MIN,
} from './constants.ts'

/**
 * Pace of probes on an idle path, so that the NATs of both ends keep their mappings.
 *
 * `lifetimesMs`: what each end has learned of its own NAT, null until it has. The margin lets three probes in a row be
 * lost; where the lifetime is short, a third of it has to do.
 */
export function keepaliveMs(lifetimesMs: readonly (number | null)[]): number {
  const paces = lifetimesMs.map((lifetimeMs) => {
    if (lifetimeMs === null) return KEEPALIVE_MS
    return lifetimeMs - Math.min(KEEPALIVE_MARGIN_MS, lifetimeMs / 3)
  })
  const shortest = Math.floor(Math.min(KEEPALIVE_MS_MAX, ...paces))
  return Math.max(KEEPALIVE_MS_MIN, shortest)
}
