// SPDX-License-Identifier: Apache-2.0
/**
 * A gateway tells for how long it has known its mappings. If that clock does not run as ours does, the gateway has
 * lost them: it was restarted, or its configuration was.
 */
import type { Instant } from './clock.ts'

export interface Epoch {
  readonly serverS: number
  readonly at: Instant
}

/** RFC 6887 section 8.5. True if the server has kept its state between the two answers. */
export function pcpEpochHolds(before: Epoch, after: Epoch): boolean {
  if (after.serverS < before.serverS - 1) return false
  const clientDeltaS = (after.at - before.at) / 1000
  const serverDeltaS = after.serverS - before.serverS
  return (
    clientDeltaS + 2 >= serverDeltaS - serverDeltaS / 16 &&
    serverDeltaS + 2 >= clientDeltaS - clientDeltaS / 16
  )
}

/** RFC 6886 section 3.6. True if the gateway's clock is where seven eighths of our time would put it, or later. */
export function natPmpEpochHolds(before: Epoch, after: Epoch): boolean {
  const clientDeltaS = (after.at - before.at) / 1000
  return after.serverS >= before.serverS + (clientDeltaS * 7) / 8 - 2
}
