// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../nat/address.ts'
import type { NatBehaviour } from '../nat/behaviour.ts'
import type { Candidate } from '../nat/candidate.ts'
import type { WallTime } from '../nat/clock.ts'
import type { Certificate } from './certificate.ts'
import type { NodeId } from './identity.ts'

/**
 * What a node says of itself, signed with its node key and versioned. It carries the node's
 * certificate, so that any receiver can judge it alone.
 */
export interface NodeRecord {
  readonly certificate: Certificate
  /** Strictly growing per node, also over restarts: unix milliseconds or more when it was made. */
  readonly version: number
  readonly issuedAt: WallTime
  /** False in a node's last record, when it leaves. */
  readonly present: boolean
  readonly candidates: readonly Candidate[]
  readonly nat: NatBehaviour
  /** libp2p multiaddrs (TCP, without /p2p) at which others may dial this node; empty if not dialable. */
  readonly dialAddresses: readonly string[]
  /** TCP port of this node's libp2p on its own addresses, those in the mesh among them. */
  readonly dialPort: number
  /** Where this node answers STUN binding requests; empty if it does not. */
  readonly stunServers: readonly TransportAddress[]
  /** Whether this node forwards ciphertext for members that it has a direct path to: it is a hub. */
  readonly relay: boolean
  /** A hub that is about to go: it still forwards, and who has another hub leaves it. */
  readonly draining: boolean
  /** Whether this node takes part in searches for ways through hard NATs. */
  readonly birthdaySearch: boolean
  /** The node's home hubs: those to which it keeps a path of its own, direct or over a TURN server. Sorted. */
  readonly hubs: readonly NodeId[]
}

/** The signed bytes as they travel; `payload` is canonical CBOR, kept verbatim. */
export interface RecordEnvelope {
  readonly bytes: Uint8Array
}

export const CANDIDATES_MAX = 16
export const DIAL_ADDRESSES_MAX = 8
export const STUN_SERVERS_MAX = 4
export const HUBS_MAX = 4
/** No NAT that anybody has to adapt to keeps mappings for longer. */
export const MAPPING_LIFETIME_MS_MAX = 86_400_000

/**
 * A version follows the clock but must outgrow its predecessor, also after the clock was set back;
 * a day of slack covers that, and keeps a wild clock from making a node's later records unheard.
 */
export const VERSION_AHEAD_MS_MAX = 86_400_000

/** Twice the skew that certificates tolerate: a record is no proof of time, only a plausible one. */
export const ISSUED_AHEAD_MS_MAX = 10 * 60_000

/** The version of a node's next record: the clock, or one more than the last if the clock went back. */
export function nextVersion(last: number, now: WallTime): number {
  return Math.max(last + 1, now)
}
