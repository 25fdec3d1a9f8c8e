// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'

/** A question of the pair, or its answer. */
export interface ProbePacket {
  readonly kind: 'probe'
  readonly sender: string
  readonly receiver: string
  readonly transaction: string
  /** Of the whole, where it measures what its way carries. */
  readonly bytes?: number
  /** In a reply: where the request came from. */
  readonly observed?: TransportAddress
}

/** What two hosts say to each other, over whatever path. Sealed there: only the pair can make or read one. */
export type Packet =
  | ProbePacket
  | {
      readonly kind: 'wireguard'
      readonly sender: string
      readonly receiver: string
      readonly bytes: number
    }

/** A packet on its way over hubs; keys stand for the tags of the wire. */
export interface RelayFrame {
  readonly kind: 'relay'
  /** Stands for the hop's code, which nobody else can make. */
  readonly hop: { readonly sender: string; readonly receiver: string }
  /** 2 from the origin of a two-hub path, 1 towards the last hub, 0 from the last hub to the destination. */
  readonly hopsLeft: number
  readonly destination: string
  readonly source: string
  /** The next hub while it is ahead, the hub before while it is behind. */
  readonly otherHub: string | undefined
  readonly payload: Packet
}

/** What crosses the simulated wire. */
export type Frame = { readonly kind: 'stun'; readonly payload: Uint8Array } | RelayFrame | Packet

const PROBE_BYTES = 108
const RELAY_HEADER_BYTES = 40
const IPV4_UDP_BYTES = 28

/** The IP packet that a frame becomes. What the tests call traffic stands for many packets, each of which fits. */
export function packetBytesOf(frame: Frame): number {
  if (frame.kind === 'stun') return frame.payload.length + IPV4_UDP_BYTES
  const packet = frame.kind === 'relay' ? frame.payload : frame
  if (packet.kind === 'wireguard') return 0
  const header = frame.kind === 'relay' ? RELAY_HEADER_BYTES : 0
  return bytesOf(packet) + header + IPV4_UDP_BYTES
}

export function bytesOf(packet: Packet): number {
  return packet.bytes ?? PROBE_BYTES
}

/** How a packet came, and how its answer goes back. */
export type Way =
  /** `socket`: the punched one at which it arrived, if it was not the one port. */
  | { readonly kind: 'direct'; readonly from: TransportAddress; readonly socket?: number }
  /** `server`: the TURN server of ours that it came over. */
  | { readonly kind: 'turn'; readonly from: TransportAddress; readonly server: string }
  | { readonly kind: 'relay'; readonly via: readonly string[]; readonly from: TransportAddress }
