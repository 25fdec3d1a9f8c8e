// SPDX-License-Identifier: Apache-2.0
/**
 * UDP sockets beside the one port: for questions about the NAT that must not touch the mapping on which the paths live.
 * Each has a name and a port that the kernel chooses; it is opened when it first sends.
 */
import type { TransportAddress } from './address.ts'

export type SideSocket = string

/** At once; one that would be more is not opened. */
export const SIDE_SOCKETS_MAX = 24

export type SideMessage =
  | {
      readonly kind: 'send'
      readonly socket: SideSocket
      readonly to: TransportAddress
      readonly payload: Uint8Array
    }
  | { readonly kind: 'close'; readonly socket: SideSocket }
