// SPDX-License-Identifier: Apache-2.0
/**
 * The helper's documents, word for word as in native/PROTOCOL.md, version 1. Types only: the core
 * writes what it desires and reads what happened; the shell carries it over the socket and checks it.
 */
import type { TransportAddress } from '../../nat/address.ts'

export type HelperEngine = 'kernel' | 'userspace'

export type PathKind = 'direct' | 'relay'

export interface DesiredDevice {
  /** An interface name, at most 15 bytes. */
  readonly name: string
  /** 576..65535, at least 1280 if an IPv6 address is given. */
  readonly mtu: number
  /** The one UDP port; 0: the kernel chooses, and keeps it until the device goes. */
  readonly listenPort: number
  /** WireGuard private key, base64. */
  readonly privateKey: string
  /** X25519 private key for probes, base64. */
  readonly probeKey: string
  /** CIDR, as on an interface: `10.7.0.1/16`. */
  readonly addresses: readonly string[]
  readonly stunServer: boolean
  /** Forward frames for others. */
  readonly relay: boolean
}

export interface DesiredRoute {
  readonly destination: string
  readonly mtu?: number
}

/** `id` is unique within the peer, at most 96 bytes. */
export type DesiredPath =
  | { readonly id: string; readonly kind: 'direct'; readonly endpoint: TransportAddress }
  /** `via`: WireGuard public keys (base64) of one or two hubs; the first is another peer. */
  | { readonly id: string; readonly kind: 'relay'; readonly via: readonly string[] }

export interface DesiredPeer {
  /** WireGuard public key, base64. */
  readonly publicKey: string
  readonly presharedKey?: string
  /** The peer's X25519 public key for probes, base64. */
  readonly probeKey: string
  readonly allowedIps: readonly string[]
  /** Where the in-session echo goes; within allowedIps. */
  readonly echoAddress: string
  /** Pace of probes on idle paths, 1,000..600,000. */
  readonly keepaliveMs: number
  /** Most wanted first, at most 8. */
  readonly paths: readonly DesiredPath[]
}

/** What should exist. `device: null` tears everything down. */
export interface DesiredState {
  readonly device: DesiredDevice | null
  readonly routes: readonly DesiredRoute[]
  readonly peers: readonly DesiredPeer[]
}

export interface HelperHello {
  readonly protocol: number
  readonly helper: string
  readonly engine: HelperEngine
  readonly engineReason: string
  /** Changes with each start of the helper: tells a reconnection from a restart. */
  readonly instance: string
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
  /** Of a relayed path the hub's. */
  readonly endpoint: TransportAddress
}

export interface HelperDevice {
  readonly name: string
  readonly index: number
  readonly mtu: number
  readonly listenPort: number
  readonly publicKey: string
  readonly addresses: readonly string[]
  readonly stunServer: boolean
  readonly relay: boolean
}

export interface HelperLink {
  readonly name: string
  readonly index: number
  readonly up: boolean
  readonly mtu: number
  /** With prefix length: `192.168.1.2/24`. */
  readonly addresses: readonly string[]
}

export interface HelperPath {
  readonly id: string
  readonly kind: PathKind
  /** Where ciphertext leaves for now; null for a relayed path whose hub has no direct path. */
  readonly endpoint: TransportAddress | null
  /** Public keys of the hubs, base64; empty for a direct path. */
  readonly via: readonly string[]
  readonly up: boolean
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

export interface HelperState {
  readonly instance: string
  readonly engine: HelperEngine
  readonly generation: number
  readonly device: HelperDevice | null
  readonly routes: readonly DesiredRoute[]
  /** Without loopback and the helper's own device. */
  readonly links: readonly HelperLink[]
  readonly peers: readonly HelperPeer[]
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
  | { readonly method: 'probe-heard'; readonly peer: string; readonly from: TransportAddress }
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
  | { readonly method: 'stats'; readonly peers: readonly HelperPeer[] }
  | { readonly method: 'device-lost'; readonly reason: string }

/** One bad field of a refused document; `value` never holds a private key. */
export interface FieldProblem {
  readonly field: string
  readonly value: unknown
  readonly problem: string
  readonly remedy: string
}

/** Why the helper said no, in the protocol's own codes. */
export type HelperFault =
  | {
      readonly kind: 'refused'
      readonly message: string
      readonly problems: readonly FieldProblem[]
    }
  | {
      readonly kind: 'system'
      readonly message: string
      readonly reason: HelperSystemReason
      readonly remedy: string
    }
  | { readonly kind: 'too-many'; readonly message: string }
  | { readonly kind: 'no-reply'; readonly message: string }
  | { readonly kind: 'no-such-peer'; readonly message: string }
  /** A version that we do not speak, or a message that one side finds malformed. */
  | { readonly kind: 'protocol'; readonly message: string; readonly code: number }
  /** No connection to the helper, or it went before it answered. */
  | { readonly kind: 'disconnected'; readonly message: string }

export type HelperSystemReason =
  | 'tun-missing'
  | 'not-permitted'
  | 'port-taken'
  | 'name-taken'
  | 'system'
