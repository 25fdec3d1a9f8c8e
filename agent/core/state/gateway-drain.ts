// SPDX-License-Identifier: Apache-2.0
import type { Instant } from '../../../nat/clock.ts'

/** Whether a gateway drains, as far as its prefixes go by it; see gateways.ts. */
export interface GatewayDrain {
  counts: boolean
  /** When the gateway's latest word counts; undefined while it is the same. */
  changesAt: Instant | undefined
}
