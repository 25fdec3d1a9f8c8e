// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'
import type { SideMessage } from '../../nat/side-socket.ts'
import type { UpnpRequest } from '../../nat/upnp-request.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { RecordEnvelope } from '../../topology/record.ts'
import type { EventEntry } from './event-log.ts'
import type { DesiredState, HelperSearch } from './helper-contract.ts'

/** All that a node can want of the world. The shell performs effects in order and reports back as events. */
export type Effect =
  | { readonly kind: 'apply'; readonly desired: DesiredState }
  | {
      readonly kind: 'probe'
      /** WireGuard public key, base64. */
      readonly peer: string
      readonly endpoint: TransportAddress
      /** Our address that it leaves from; left out, as the kernel chooses. */
      readonly source?: string
      /** 32 hex digits. */
      readonly transaction: string
    }
  /** Look for a way through a hard NAT; the helper tells how it ended. */
  | { readonly kind: 'search'; readonly search: HelperSearch }
  | { readonly kind: 'stop-search'; readonly peer: string }
  | {
      readonly kind: 'send-datagram'
      readonly to: TransportAddress
      readonly payload: Uint8Array
      readonly source?: string
    }
  /** Ask over one path with packets of a size, as `measure` of native/PROTOCOL.md; the event `measured` follows in any case. */
  | {
      readonly kind: 'measure'
      readonly peer: string
      readonly path: string
      readonly sizeBytes: number
      readonly timeoutMs: number
    }
  /** From a socket beside the one port, or the end of one. */
  | { readonly kind: 'side-socket'; readonly message: SideMessage }
  /** Ask a neighbour to try where others should reach us; the event `dialled-back` follows. */
  | {
      readonly kind: 'ask-to-dial'
      readonly to: NodeId
      readonly udp: TransportAddress
      readonly tcp: TransportAddress
    }
  /** Look which default gateway there is; the event `gateway` follows. */
  | { readonly kind: 'find-gateway' }
  /** To the gateway's PCP and NAT-PMP port. */
  | { readonly kind: 'send-to-gateway'; readonly payload: Uint8Array }
  | { readonly kind: 'upnp-request'; readonly request: UpnpRequest }
  /** Gossip our own new record. */
  | { readonly kind: 'publish'; readonly envelope: RecordEnvelope }
  /** Keep a record over restarts; our own too, whose version must never go back. */
  | { readonly kind: 'save-record'; readonly node: NodeId; readonly envelope: RecordEnvelope }
  /** Set up a data channel to a member, or end it. The event `channel` follows. */
  | { readonly kind: 'open-channel'; readonly node: NodeId }
  | { readonly kind: 'close-channel'; readonly node: NodeId }
  /** To a member's mesh address, through the tunnel. */
  | { readonly kind: 'send-swim'; readonly to: string; readonly payload: Uint8Array }
  /** Keep the notices over restarts. */
  | { readonly kind: 'save-notices' }
  /** Keep our own certificate, as the authority signed it. */
  | { readonly kind: 'save-certificate'; readonly envelope: Uint8Array }
  /** Ask an authority for the next certificate; `renewed` or `renewal-failed` follows. */
  | { readonly kind: 'renew' }
  /** Close all links to a node that is no member any more. */
  | { readonly kind: 'hang-up'; readonly node: NodeId }
  /** Members to which the shell should keep a gossip link. */
  | { readonly kind: 'dial-targets'; readonly targets: readonly DialTarget[] }
  /** Something that is kept in the event log: for the journal, and for whoever follows. */
  | { readonly kind: 'event'; readonly entry: EventEntry }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }

export interface DialTarget {
  readonly node: NodeId
  /** Multiaddrs without /p2p. */
  readonly dialAddresses: readonly string[]
}
