// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from './address.ts'

/** A direct way to a peer: its address, and what of ours it leaves from, if not the one port and as the kernel chooses. */
export interface DirectWay {
  readonly endpoint: TransportAddress
  /** Local port. */
  readonly socket?: number
  /** Our address on the uplink that it leaves by. */
  readonly source?: string
}

/** What tells one way to a peer from another; of one from the one port the endpoint itself. */
export function wayKey({ endpoint, socket, source }: DirectWay): string {
  if (source !== undefined) return `${endpoint}%${source}`
  return socket === undefined ? endpoint : `${endpoint}@${socket}`
}

/** The endpoint, and the source if there is one: no field that is undefined. */
export function wayFrom(endpoint: TransportAddress, source: string | undefined): DirectWay {
  return source === undefined ? { endpoint } : { endpoint, source }
}
