// SPDX-License-Identifier: Apache-2.0
import { RETRY_ROUND_MS_MAX } from '../../nat/constants.ts'
import type { NodeId } from '../../topology/identity.ts'

/**
 * When the pair's rounds begin, within the longest period: the same for both, and another for each pair, so that a
 * large network does not look for paths all at once.
 */
export function pairPhaseMs(a: NodeId, b: NodeId): number {
  const [one, other] = [a, b].map((id) => Number.parseInt(id.slice(0, 8), 16))
  return ((one! ^ other!) >>> 0) % RETRY_ROUND_MS_MAX
}
