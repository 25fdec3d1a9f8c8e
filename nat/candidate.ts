// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from './address.ts'

/**
 * host: an address of one of the host's own links.
 * server-reflexive: what a STUN server saw (RFC 8445 section 5.1.1.2).
 * mapped: what the router forwards to us because we asked it to (PCP, NAT-PMP, UPnP).
 * relayed: what a TURN server gave the host (RFC 8445 section 5.1.1.2); whoever sends there reaches it over that server.
 * peer-reflexive: what a peer's probe showed (RFC 8445 section 7.3.1.3); learned, never published.
 */
export type CandidateKind = 'host' | 'mapped' | 'server-reflexive' | 'relayed' | 'peer-reflexive'

/** A transport address (UDP) at which a node may be reached. */
export interface Candidate {
  readonly kind: CandidateKind
  readonly address: TransportAddress
}
