// SPDX-License-Identifier: Apache-2.0
/**
 * The helper's documents, word for word as in native/PROTOCOL.md, version 1. Types only: the core
 * writes what it desires and reads what happened; the shell carries it over the socket and checks it.
 */
import type { TransportAddress } from '../../nat/address.ts'
import type { DesiredFirewall } from './desired-firewall.ts'
import type { DesiredDevice, HelperDevice } from './helper-device.ts'
import type { HelperEngine } from './helper-hello.ts'
import type { DesiredNames, HelperNames } from './helper-names.ts'
import type { HelperTakeover } from './helper-takeover.ts'

export interface DesiredRoute {
  readonly destination: string
  readonly mtu?: number
}

/** `id` is unique within the peer, at most 96 bytes. */
export type DesiredPath =
  /** `socket`: the local port of the punched socket that it leaves from, in place of the one port; `source`: our address. */
  | {
      readonly id: string
      readonly kind: 'direct'
      readonly endpoint: TransportAddress
      readonly socket?: number
      readonly source?: string
    }
  /** `via`: WireGuard public keys (base64) of one or two hubs; the first is another peer. */
  | { readonly id: string; readonly kind: 'relay'; readonly via: readonly string[] }
  /** `server`: one of the document's. `endpoint`: the peer as that server sees it, or what its own server gave it. */
  | {
      readonly id: string
      readonly kind: 'turn'
      readonly server: string
      readonly endpoint: TransportAddress
    }
  /** Over the data channel to the peer that a carrier holds. */
  | { readonly id: string; readonly kind: 'channel' }

/** What the helper calls the kind; what it means to us is of the planned path with the same id. */
export type HelperPathKind = DesiredPath['kind']

/** A server on which an allocation is kept (RFC 8656). Password or secret are left out where everybody is let in. */
export interface DesiredTurnServer {
  readonly id: string
  /** `turn:host:port?transport=udp`, the same with `tcp`, or `turns:host:port?transport=tcp`. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** Shared with the server: names and passwords that hold for a day are made of it. */
  readonly secret?: string
  /** Absolute path of a file of certificates, in place of the system's roots. */
  readonly ca?: string
}

export interface DesiredPeer {
  /** WireGuard public key, base64. */
  readonly publicKey: string
  readonly presharedKey?: string
  /** The peer's X25519 public key for probes, base64. */
  readonly probeKey: string
  readonly allowedIps: readonly string[]
  /** Another peer's by now, from which this one may still answer. */
  readonly lateIps?: readonly string[]
  /** Where the in-session echo goes; within allowedIps. */
  readonly echoAddress: string
  /** Pace of probes on idle paths, 1,000..600,000. */
  readonly keepaliveMs: number
  /** Send every packet over the two best paths. */
  readonly duplicate?: boolean
  /** Most wanted first, at most 8. */
  readonly paths: readonly DesiredPath[]
}

/** What should exist. `device: null` tears everything down. */
export interface DesiredState {
  readonly device: DesiredDevice | null
  /** At most 8. */
  readonly turn?: readonly DesiredTurnServer[]
  /** What is let in over the device, and nothing else is. Left out: everything. */
  readonly firewall?: DesiredFirewall
  readonly routes: readonly DesiredRoute[]
  readonly peers: readonly DesiredPeer[]
  /** What leaves from here is sent a second time, because a member may have it from another peer by now. */
  readonly lateFrom?: readonly string[]
  /** Null or left out: names are nobody's business here. */
  readonly names?: DesiredNames | null
}

/** A search: probes from so many sockets to the endpoints in turn, or from the one port to each. */
export interface HelperSearch {
  /** WireGuard public key, base64. */
  readonly peer: string
  /** Comes back with its end: 32 hex digits. Only for a helper with `search-transaction`. */
  readonly transaction?: string
  /** At most 256. */
  readonly sockets: number
  /** At most 1,024. */
  readonly endpoints: readonly TransportAddress[]
  /** At most 200. */
  readonly perSecond: number
  /** At most 60,000. */
  readonly durationMs: number
}

export interface ApplyResult {
  readonly generation: number
  /** What was done, one string each; empty if nothing differed. */
  readonly changed: readonly string[]
}

export interface EchoResult {
  readonly rttUs: number
  /** Id of the path that was active. */
  readonly path: string
  /** Where it left for: of a relayed path the hub's, over TURN the server's; null over a data channel. */
  readonly endpoint: TransportAddress | null
}

export interface HelperLink {
  readonly name: string
  readonly index: number
  readonly up: boolean
  readonly mtu: number
  /** With prefix length: `192.168.1.2/24`. */
  readonly addresses: readonly string[]
  /** Without prefix length: from these packets leave by another default route than the kernel's first choice. */
  readonly spares?: readonly string[] | undefined
  /** Whether what leaves by it goes into other packets, which leave by another link. */
  readonly tunnel?: boolean | undefined
}

export interface HelperPath {
  readonly id: string
  readonly kind: HelperPathKind
  /** Where ciphertext leaves for now: the peer, the first hub or the server; null while it cannot, and over a data channel. */
  readonly endpoint: TransportAddress | null
  /** Public keys of the hubs, base64; empty unless it is relayed. */
  readonly via: readonly string[]
  /** Of a path over TURN. */
  readonly server: string | null
  /** Of a direct path that leaves from a punched socket: its local port. */
  readonly socket: number | null
  /** Of a direct path that leaves from an address that was asked for. */
  readonly source?: string | undefined
  readonly up: boolean
  /** Whether the peer heard packets of the session over it; null while that is not known. */
  readonly carries: boolean | null
  readonly rttUs: number | null
  readonly lossPermille: number
  /** Age. */
  readonly lastReplyMs: number | null
}

export interface HelperPeer {
  readonly publicKey: string
  readonly allowedIps: readonly string[]
  readonly keepaliveMs: number
  readonly rxBytes: number
  readonly txBytes: number
  /** Age. */
  readonly lastHandshakeMs: number | null
  readonly activePath: string | null
  /** The last in-session echo that came back. */
  readonly session: { readonly rttUs: number | null; readonly ageMs: number | null }
  readonly paths: readonly HelperPath[]
}

export type TurnTransport = 'udp' | 'tcp' | 'tls'

/** An allocation as it is. */
export interface HelperTurnServer {
  readonly id: string
  readonly transport: TurnTransport
  /** connecting: no attempt has failed since the last success. */
  readonly state: 'up' | 'connecting' | 'failed'
  /** Of the protocol's closed list; null while up. A newer helper may know more causes. */
  readonly cause: string | null
  /** The same for a person. */
  readonly detail: string | null
  /** Where others find this host; null unless up. */
  readonly relayed: TransportAddress | null
  readonly rttUs: number | null
}

/** What this host did as a hub since the helper's start. */
export interface HelperRelayed {
  readonly frames: number
  readonly bytes: number
  /** In order, but there was no way on or too many of them. */
  readonly dropped: number
  /** Wrong, or from somebody unknown. */
  readonly refused: number
}

export interface HelperState {
  readonly instance: string
  readonly engine: HelperEngine
  readonly generation: number
  /** This start of the helper went on with what an earlier one kept. */
  readonly restored: boolean
  /** What of the earlier one's it has; null where there was none. */
  readonly takeover: HelperTakeover | null
  readonly device: HelperDevice | null
  readonly routes: readonly DesiredRoute[]
  readonly turn: readonly HelperTurnServer[]
  readonly relayed: HelperRelayed
  /** Without loopback and the helper's own device. */
  readonly links: readonly HelperLink[]
  readonly peers: readonly HelperPeer[]
  /** Null where nobody asked for them. */
  readonly names: HelperNames | null
}

/** Notifications, named by `method`. Keys are base64; `datagram` carries its payload as bytes. */
export type HelperEvent =
  | {
      readonly method: 'datagram'
      readonly from: TransportAddress
      readonly payload: Uint8Array
    }
  | {
      readonly method: 'probe-reply'
      readonly peer: string
      readonly endpoint: TransportAddress
      readonly transaction: string
      readonly rttUs: number
      /** Our address as the peer saw it. */
      readonly observed: TransportAddress
    }
  | {
      readonly method: 'probe-heard'
      readonly peer: string
      readonly from: TransportAddress
      /** The TURN server over which it came, if any. */
      readonly server: string | null
    }
  | {
      readonly method: 'search-ended'
      readonly peer: string
      readonly transaction?: string | undefined
      readonly result: 'found' | 'nothing' | 'stopped'
      /** Opened, and sent. */
      readonly sockets: number
      readonly probes: number
      /** Where the peer was met, and at which punched socket, if it was not the one port. */
      readonly endpoint: TransportAddress | null
      readonly socket: number | null
    }
  | {
      readonly method: 'path-up'
      readonly peer: string
      readonly path: string
      readonly rttUs: number
    }
  | {
      readonly method: 'path-down'
      readonly peer: string
      readonly path: string
      readonly reason: string
    }
  | {
      readonly method: 'switched'
      readonly peer: string
      readonly from: string | null
      readonly to: string | null
      readonly cause: string
      readonly gapMs: number
    }
  | { readonly method: 'links-changed'; readonly links: readonly HelperLink[] }
  | {
      readonly method: 'stats'
      readonly peers: readonly HelperPeer[]
      readonly turn: readonly HelperTurnServer[]
    }
  | { readonly method: 'turn-changed'; readonly server: HelperTurnServer }
  | { readonly method: 'names-changed'; readonly names: HelperNames }
  | { readonly method: 'device-lost'; readonly reason: string }
