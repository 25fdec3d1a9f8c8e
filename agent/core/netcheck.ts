// SPDX-License-Identifier: Apache-2.0
import type { NatBehaviour } from '../../nat/behaviour.ts'
import type { PathStatus, PortMappingProtocols, TurnServerStatus } from './status.ts'

/** What `meshgate netcheck --json` prints. */
export interface Netcheck {
  readonly nat: NatBehaviour
  /** How the mapping is known: one sentence with the observed ports. */
  readonly evidence: string
  /** How the filtering is known, or why it is not: one sentence; null while nobody has been asked. */
  readonly filteringEvidence: string | null
  /** Whether hosts behind the NAT reach each other at their outer addresses; null without NAT, or if it cannot be told. */
  readonly hairpin: boolean | null
  readonly ipv4: FamilyReport
  readonly ipv6: FamilyReport
  readonly udp: UdpReport
  readonly stunServers: readonly StunServerReport[]
  readonly turnServers: readonly TurnServerStatus[]
  readonly hubs: readonly HubReport[]
  /** Whether others reach this host over TCP, as far as is known. */
  readonly dialable: boolean
  /** Each address at which they might, and how it is known. */
  readonly doors: readonly DoorReport[]
  /** Null where no router is asked; `whyNoPortMapping` tells. */
  readonly portMapping: PortMappingProtocols | null
  readonly whyNoPortMapping: string | null
  /** What this host's own links carry, in bytes. */
  readonly links: readonly { readonly interface: string; readonly mtu: number }[]
  /** What each path that answers carries, in bytes of IP packet inside the mesh. */
  readonly paths: readonly PathMtuReport[]
}

/** The same with what only trying shows. */
export interface FullNetcheck extends Netcheck {
  readonly tcp: readonly TcpReport[]
  /** Whether TCP 443 gets out; null where nobody is known who listens there. */
  readonly tcp443: boolean | null
}

/** How it is known whether others reach an address. `untried` is shut until somebody got through. */
export const DOOR_KNOWLEDGE = ['configured', 'tried', 'assumed', 'untried'] as const

export interface DoorReport {
  readonly address: string
  readonly udp: boolean
  readonly tcp: boolean
  readonly known: (typeof DOOR_KNOWLEDGE)[number]
  /** The members that have tried, by name. */
  readonly by: readonly string[]
}

export interface FamilyReport {
  readonly local: readonly string[]
  readonly mapped: readonly string[]
  /** Whether a server answers over it; null while none was asked. */
  readonly reached: boolean | null
}

export interface UdpReport {
  /** Null while nobody was asked. */
  readonly reached: boolean | null
  readonly answered: readonly string[]
  readonly silent: readonly string[]
}

/** One STUN server's answers. */
export interface StunServerReport {
  readonly server: string
  readonly answered: boolean
  readonly rttMs: number | null
  readonly mapped: string | null
}

/** One hub, by name, and the round trip of the best direct path to it; null while none is up. */
export interface HubReport {
  readonly name: string
  readonly rttMs: number | null
}

export interface PathMtuReport {
  readonly peer: string
  readonly path: Pick<PathStatus, 'kind' | 'via' | 'endpoint'>
  /** Whether it carries the traffic now. */
  readonly active: boolean
  readonly mtu: number
  /** False while larger sizes are still tried. */
  readonly settled: boolean
}

/** Somebody who listens on TCP. */
export interface TcpTarget {
  /** `hub NAME` or `TURN ID`. */
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface TcpReport {
  readonly name: string
  /** As `host:port`. */
  readonly address: string
  readonly outcome: 'connected' | 'refused' | 'no answer' | 'no such name' | 'no route'
  /** Of the handshake; null unless connected. */
  readonly rttMs: number | null
}
