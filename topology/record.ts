// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../nat/address.ts'
import type { NatBehaviour } from '../nat/behaviour.ts'
import type { Candidate } from '../nat/candidate.ts'
import type { WallTime } from '../nat/clock.ts'
import type { Certificate } from './certificate.ts'

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
  /** Where this node answers STUN binding requests; empty if it does not. */
  readonly stunServers: readonly TransportAddress[]
}

/** The signed bytes as they travel; `payload` is canonical CBOR, kept verbatim. */
export interface RecordEnvelope {
  readonly bytes: Uint8Array
}
