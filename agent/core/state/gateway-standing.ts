// SPDX-License-Identifier: Apache-2.0
import { type Instant, later } from '../../../nat/clock.ts'

/** Something that is so or not, and counts once it has been so for a while. */
export interface Lasting {
  counts: boolean
  /** When the latest change counts; undefined while there is none. */
  changesAt: Instant | undefined
}

/** What decides whether a gateway has its prefixes; see gateways.ts. */
export interface GatewayStanding {
  readonly draining: Lasting
  readonly reached: Lasting
}

export function createGatewayStanding(draining: boolean): GatewayStanding {
  return {
    draining: { counts: draining, changesAt: undefined },
    // Until it has been tried: what a restarted agent finds in use is not to move meanwhile.
    reached: { counts: true, changesAt: undefined },
  }
}

/** What is so now. Whether a change began by it, which counts after `holdMs`. */
export function settle(lasting: Lasting, isSo: boolean, now: Instant, holdMs: number): boolean {
  if (isSo === lasting.counts) {
    lasting.changesAt = undefined
  } else if (lasting.changesAt === undefined) {
    lasting.changesAt = later(now, holdMs)
    return true
  } else if (lasting.changesAt <= now) {
    lasting.counts = isSo
    lasting.changesAt = undefined
  }
  return false
}
