// SPDX-License-Identifier: Apache-2.0
import type { Instant } from '../../../nat/clock.ts'
import type { HelperPeer } from '../helper-contract.ts'

/** What is known of the data channel to one peer. */
export interface PeerChannel {
  isOpen: boolean
  /** This side asked for it. */
  isOurs: boolean
  /** Since when no path has been up. */
  lackingSince: Instant | undefined
  /** Since when another path has carried, while the channel stands. */
  carriedSince: Instant | undefined
  /** Since when nothing has been answered over the channel that stands. */
  deadSince: Instant | undefined
  attempts: number
  /** No attempt before this. */
  retryAt: Instant | undefined
  /** When there may be something to do, if nothing else changes. */
  dueAt: Instant | undefined
  /** What it was last decided from: most steps change none of it. */
  seen: { readonly stats: HelperPeer | undefined; readonly active: string | undefined } | undefined
}

export function createPeerChannel(): PeerChannel {
  return {
    isOpen: false,
    isOurs: false,
    lackingSince: undefined,
    carriedSince: undefined,
    deadSince: undefined,
    attempts: 0,
    retryAt: undefined,
    dueAt: undefined,
    seen: undefined,
  }
}
