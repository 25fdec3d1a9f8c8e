// SPDX-License-Identifier: Apache-2.0
import type { NatBehaviour } from '../../nat/behaviour.ts'
import type { PathKind } from '../../nat/path-kind.ts'
import type { AskFault, AttemptOutcome } from '../../topology/ask-frame.ts'
import type { HelperNames } from './helper-names.ts'
import type { HelperTakeover } from './helper-takeover.ts'

/**
 * alive: a round trip inside the session or fresh signs over gossip. suspect: silent for too long.
 * failed: given up. left: it said so itself. unknown: a member of whom nothing was heard yet.
 */
export type Liveness = 'alive' | 'suspect' | 'failed' | 'left' | 'unknown'

/** One way for ciphertext to reach a peer, as `status --json` shows it. Stable keys. */
export interface PathStatus {
  readonly kind: 'none' | PathKind
  /** The hubs or the server that the path crosses, by name; null for a direct one. */
  readonly via: string | null
  /** Of a relayed path: the TURN server of this host's over which it reaches the first hub; null where it needs none. */
  readonly hubServer: string | null
  readonly endpoint: string | null
  readonly rttMs: number | null
  readonly lossPct: number | null
}

/** When traffic moved from one path to another, and why. Paths as `events` names them. */
export interface SwitchStatus {
  readonly time: string
  readonly from: string | null
  readonly to: string | null
  readonly cause: string
  /** For how long at most nothing arrived over the old path. */
  readonly gapMs: number
}

export interface PeerStatus {
  readonly name: string
  readonly nodeId: string
  readonly addresses: readonly string[]
  readonly tags: readonly string[]
  readonly liveness: Liveness
  /** Whether it relays for others; its home hubs, by name. */
  readonly hub: boolean
  readonly homeHubs: readonly string[]
  readonly path: PathStatus
  readonly backups: readonly PathStatus[]
  /** The last time that traffic moved, and how often it did, since the agent started. */
  readonly lastSwitch: SwitchStatus | null
  readonly switches: number
  /** The same by the helper's word for the cause. */
  readonly switchCauses: Readonly<Record<string, number>>
  /** One sentence: why this path and no better one. */
  readonly why: string
  readonly nat: NatBehaviour
  /** Bytes of IP packet that all its paths carry, as far as it is proven. */
  readonly mtu: number
  readonly rxBytes: number
  readonly txBytes: number
  readonly lastHandshakeMs: number | null
  /** Round trip inside the WireGuard session, last measured. */
  readonly sessionRttMs: number | null
}

/** What the router forwards to this host because it was asked to. */
export interface PortMappingStatus {
  readonly protocol: 'pcp' | 'nat-pmp' | 'upnp'
  /** Of the UDP port. */
  readonly external: string
  /** Of the libp2p port; null if only UDP is mapped. */
  readonly externalTcp: string | null
  readonly expiresInS: number
}

/** What the router answers, a few words for each protocol: `granted`, `answers`, `no answer`, `refused (2)`. */
export interface PortMappingProtocols {
  readonly gateway: string
  readonly pcp: string
  readonly natPmp: string
  readonly upnp: string
}

/** One side of a split, as it sees itself. */
export interface PartitionStatus {
  readonly unseen: number
  /** This host included. */
  readonly members: number
  readonly authorities: number
  readonly authoritiesSeen: number
  /** Nobody can be admitted, and no certificate renewed. */
  readonly quorumLost: boolean
  readonly sentence: string
}

/** A clock that is not what the others' are. */
export interface ClockStatus {
  /** Ahead of most members' clocks; negative is behind. */
  readonly offMs: number
  readonly sentence: string
}

/** The store that several authorities share, as one of them sees it. */
export interface QuorumStatus {
  readonly members: readonly { readonly endpoint: string; readonly healthy: boolean }[]
  /** Whether a majority answers: without it nobody is admitted, and no certificate renewed. */
  readonly quorum: boolean
  /** The host that decides now; null while none does. */
  readonly leader: string | null
  /** A majority answers and has no ledger of this network, though there was one: nobody is admitted until a backup is brought back. */
  readonly ledgerLost: boolean
}

export interface SelfStatus {
  readonly name: string
  readonly nodeId: string
  readonly network: string
  readonly networkId: string
  readonly addresses: readonly string[]
  readonly tags: readonly string[]
  readonly interface: string
  readonly listenPort: number | null
  /** Behaviour, and the addresses at which STUN servers saw this host. */
  readonly nat: NatBehaviour & {
    readonly mapped: readonly string[]
    readonly portMapping: PortMappingStatus | null
    /** One sentence; null if others can reach the mapped port. */
    readonly whyNoPortMapping: string | null
  }
  /** Addresses on uplinks beside the kernel's first choice: ways of their own. */
  readonly spareUplinks: readonly string[]
  readonly turnServers: readonly TurnServerStatus[]
  /** How the mesh's names resolve on this host; null where they do not. */
  readonly names: HelperNames | null
  readonly dialAddresses: readonly string[]
  readonly authority: boolean
  /** Null where this host is no authority, has a store of its own, or has not asked yet. */
  readonly authorityQuorum: QuorumStatus | null
  readonly certificateNotAfter: string
  /** What a split has cut off; null while most members are seen. */
  readonly partition: PartitionStatus | null
  /** Null while this host's clock is about what the others' are, as far as is known. */
  readonly clock: ClockStatus | null
  /** Since when another host is known to run with this one's keys, ISO 8601; null if none is. */
  readonly twinSince: string | null
  /** Whether the others take this host for a member. */
  readonly membership: 'valid' | 'expired' | 'revoked'
  readonly helper: {
    readonly connected: boolean
    readonly engine: string | null
    /** Whether it was killed and went on by itself with what it had kept; null while none is known. */
    readonly restored: boolean | null
    /** What of the earlier helper's it has; null if there was none. */
    readonly takeover: HelperTakeover | null
    /** Why this engine and no other. */
    readonly engineReason: string | null
    readonly problem: string | null
  }
  /** Members to which a gossip link stands. */
  readonly neighbours: readonly string[]
}

/** One TURN server of this host's configuration. */
export interface TurnServerStatus {
  readonly id: string
  readonly url: string
  readonly state: 'up' | 'connecting' | 'failed'
  /** Of the helper's list, such as `credentials-refused`; null while up. */
  readonly cause: string | null
  readonly detail: string | null
  /** Where others find this host over it. */
  readonly relayed: string | null
  readonly rttMs: number | null
}

/** What `meshgate status --json` prints. */
export interface Status {
  readonly self: SelfStatus
  readonly peers: readonly PeerStatus[]
}

/** One host of a pair, as `meshgate why` shows it: of a peer that does not answer only what its record says. */
export interface WhySide {
  readonly name: string
  readonly nat: NatBehaviour
  /** How the behaviour is known; null for a peer that does not answer: its evidence stays with it. */
  readonly evidence: string | null
  /** The addresses that it offers. */
  readonly candidates: readonly { readonly kind: string; readonly address: string }[]
  /** Its home hubs, by name. */
  readonly hubs: readonly string[]
  /** Whether it is a hub itself. */
  readonly relay: boolean
}

/** One of the other host's addresses; the side that tries is always its one port. */
export interface WhyAttempt {
  readonly address: string
  readonly kind: string
  readonly outcome: AttemptOutcome
  readonly rttMs: number | null
}

/** How this host searches for a way through a hard NAT, and what came of it. */
export interface WhySearch {
  readonly kind: 'birthday' | 'prediction'
  /** This host's part: spread from many sockets, sweep over many ports, or cross, where both do the same. */
  readonly task: 'spread' | 'sweep' | 'cross'
  /** Of the host whose NAT is hard. */
  readonly sockets: number
  /** Of the other one. */
  readonly probes: number
  /** That one search meets, 0 to 1; null where nobody can say. */
  readonly chance: number | null
  /** Since a NAT was last another one, and at most. */
  readonly attempts: number
  readonly attemptsMax: number
  readonly isUnderWay: boolean
  /** When the next one begins; null if none is planned. */
  readonly nextMs: number | null
  /** What the last one came to, and took. */
  readonly last: {
    readonly result: 'found' | 'nothing' | 'stopped'
    readonly sockets: number
    readonly probes: number
    readonly endpoint: string | null
  } | null
}

/** What `meshgate why PEER --json` prints. */
export interface Why {
  readonly peer: string
  readonly nodeId: string
  readonly sentence: string
  readonly path: PathStatus
  readonly backups: readonly PathStatus[]
  readonly self: WhySide
  readonly other: WhySide
  readonly attempts: readonly WhyAttempt[]
  /** Searches through hard NATs; null where the NATs give no ground for any. */
  readonly search: WhySearch | null
  /** What stands in the way of a direct path; null if nothing does, or nothing is known to. */
  readonly obstacle: { readonly kind: string; readonly sentence: string } | null
  /** What would help, as both ends see it. */
  readonly remedies: readonly string[]
  /** What the access policy lets each of the two do; null without a policy. */
  readonly policy: {
    readonly toPeer: string
    readonly fromPeer: string
    readonly sentence: string
  } | null
  /** When this host tries everything again if nothing changes before. */
  readonly nextRoundMs: number | null
  /** What the peer tried itself, the path that it uses, and how it explains that; null if it did not answer. */
  readonly otherAttempts: readonly WhyAttempt[] | null
  readonly otherPath: PathStatus | null
  readonly otherSentence: string | null
  /** Why the peer's view is missing; null if it is there. */
  readonly unanswered: { readonly fault: AskFault; readonly sentence: string } | null
}
