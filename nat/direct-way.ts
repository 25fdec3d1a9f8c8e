// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from './address.ts'

/** A direct way to a peer: its address, and the punched socket from which alone that can be reached, if not from the one port. */
export interface DirectWay {
  readonly endpoint: TransportAddress
  /** Local port. */
  readonly socket?: number
}

/** What tells one way to a peer from another; of one from the one port the endpoint itself. */
export function wayKey({ endpoint, socket }: DirectWay): string {
  return socket === undefined ? endpoint : `${endpoint}@${socket}`
}
