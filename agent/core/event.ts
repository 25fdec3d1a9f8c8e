// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'
import type { Gateway } from '../../nat/gateway-request.ts'
import type { MeasureOutcome } from '../../nat/path-mtu.ts'
import type { SideSocket } from '../../nat/side-socket.ts'
import type { UpnpResult } from '../../nat/upnp-request.ts'
import type { DoorTried } from '../../topology/ask-frame.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { Notice } from '../../topology/notice.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import type { Settings } from './config.ts'
import type { HelperEvent, HelperState } from './helper-contract.ts'
import type { HelperHello } from './helper-hello.ts'
import type { HelperFault } from './helper-fault.ts'
import type { QuorumStatus } from './status.ts'

/** All that can happen to a node. The shell makes events; a step consumes one. */
export type Event =
  /** Nothing but time has passed. */
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'helper-connected'
      readonly hello: HelperHello
      readonly state: HelperState
    }
  | { readonly kind: 'helper-disconnected'; readonly reason: string }
  | { readonly kind: 'applied'; readonly changed: readonly string[] }
  | { readonly kind: 'apply-failed'; readonly fault: HelperFault }
  | { readonly kind: 'helper-event'; readonly event: HelperEvent }
  /** A record whose signature, certificate and bounds were checked. `heard`: by gossip, not read from the disk. */
  | {
      readonly kind: 'record'
      readonly record: NodeRecord
      readonly envelope: RecordEnvelope
      readonly heard: boolean
    }
  /** What the authority says, its signature checked. */
  | { readonly kind: 'notice'; readonly notice: Notice }
  /** The authority's answer to a renewal, checked against the request; `envelope` is the certificate's. */
  | {
      readonly kind: 'renewed'
      readonly certificate: Certificate
      readonly envelope: Uint8Array
    }
  | { readonly kind: 'renewal-failed'; readonly reason: string }
  | { readonly kind: 'authority-quorum'; readonly quorum: QuorumStatus }
  /** The socket on our mesh address. */
  | { readonly kind: 'mesh-socket'; readonly open: boolean }
  /** `from`: the member's mesh address. */
  | { readonly kind: 'swim-datagram'; readonly from: string; readonly payload: Uint8Array }
  | { readonly kind: 'neighbour-up'; readonly node: NodeId }
  | { readonly kind: 'neighbour-down'; readonly node: NodeId }
  | GatewayEvent
  /** A data channel to a member has come to stand, or stands no more. `detail`: over what, or why. */
  | {
      readonly kind: 'channel'
      readonly node: NodeId
      readonly isOpen: boolean
      readonly detail: string
    }
  /** What became of the effect `measure`. `path`: the helper's id. */
  | {
      readonly kind: 'measured'
      readonly peer: string
      readonly path: string
      readonly outcome: MeasureOutcome
    }
  /** Something came to a socket beside the one port. */
  | {
      readonly kind: 'side-datagram'
      readonly socket: SideSocket
      readonly from: TransportAddress
      readonly payload: Uint8Array
    }
  /** What a neighbour found that was asked to try our addresses; undefined if it did not say. */
  | {
      readonly kind: 'dialled-back'
      readonly by: NodeId
      readonly result: DoorTried | undefined
    }
  /** A person asked: question all STUN servers and try all addresses again. */
  | { readonly kind: 'recheck' }
  /** The configuration file was read again. */
  | { readonly kind: 'reconfigured'; readonly settings: Settings }
  /** Others should leave this hub, or may use it again. */
  | { readonly kind: 'drain'; readonly draining: boolean }
  /** The host leaves the network: its last record says so. */
  | { readonly kind: 'leave' }

/** What port mapping hears of the router. */
export type GatewayEvent =
  /** The default gateway as it is now; undefined if there is none. */
  | { readonly kind: 'gateway'; readonly gateway: Gateway | undefined }
  /** From the gateway's PCP and NAT-PMP port. `from`: its IP address. */
  | { readonly kind: 'gateway-datagram'; readonly from: string; readonly payload: Uint8Array }
  /** Nothing listens on that port. */
  | { readonly kind: 'gateway-closed' }
  | { readonly kind: 'upnp-result'; readonly result: UpnpResult }
  /** The agent ends, and with it the helper: mapped ports are given back. */
  | { readonly kind: 'release-ports' }
