// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's memory: tokens, members and counters. Behind it an embedded SQLite file
 * (sqlite-authority-store.ts); several authorities on one shared store is the same interface.
 */
import type { WallTime } from '../../../nat/clock.ts'
import type { Certificate } from '../../../topology/certificate.ts'
import type { Grant, TokenId } from '../../../topology/grant.ts'
import type { Documents } from './documents.ts'
import type { NodeId } from '../../../topology/identity.ts'

export interface StoredToken {
  readonly grant: Grant
  /** SHA-256 of the secret, 32 bytes. */
  readonly proofKey: Uint8Array
  readonly used: number
  readonly revoked: boolean
  readonly createdAt: WallTime
}

/** A member as the authority remembers it. */
export interface StoredNode {
  readonly certificate: Certificate
  readonly certificateBytes: Uint8Array
  /** The token with which it came last; null for the founder. */
  readonly token: TokenId | null
  /** How long an ephemeral member may be gone; null for one that is kept. */
  readonly awayMs: number | null
  /** When the node made the request that its keys come from: an older one changes nothing any more. */
  readonly askedAt: WallTime
}

/** A node that is no member any more, and may not become one again with the same key. */
export interface StoredRevocation {
  readonly node: NodeId
  readonly name: string
  /** The revocation as the authority signed it. */
  readonly envelope: Uint8Array
  /** When the last certificate that it takes back would have run out. */
  readonly notAfter: WallTime
  /** When the members are to hear of it. */
  readonly announceAt: WallTime
}

/** waiting: nobody has said yes or no. approved: the next request with these keys is admitted. */
export type CandidateState = 'waiting' | 'approved' | 'refused'

/** A host that asked to join a network in which a person says yes. */
export interface Candidate {
  readonly node: NodeId
  readonly name: string
  readonly token: TokenId
  readonly askedAt: WallTime
  readonly state: CandidateState
}

/** What a decision reads and writes inside a transaction: what it read is still true when it writes. */
export interface AuthorityLedger {
  token(id: TokenId): StoredToken | undefined
  /** Newest first. */
  tokens(): StoredToken[]
  putToken(token: StoredToken): void
  node(id: NodeId): StoredNode | undefined
  nodeNamed(name: string): StoredNode | undefined
  /** Sorted by name. */
  nodes(): StoredNode[]
  putNode(node: StoredNode): void
  /** Gives the name back at once, the address when the certificate has run out. */
  dropNode(id: NodeId): void
  /** A member goes on under another key: name and address are the new node's. */
  replaceNode(old: NodeId, node: StoredNode): void
  wasAdmitted(token: TokenId, node: NodeId): boolean
  countUse(token: TokenId, node: NodeId): void
  /** Of all members, and of those forgotten whose certificate still holds. */
  takenIpv4(now: WallTime): ReadonlySet<string>
  /** Grows with every call, also when the store was restored from an older copy. */
  nextSerial(now: WallTime): number
  /** Drops ephemeral members whose certificate ran out, and whatever else has no meaning any more. */
  dropLapsed(now: WallTime): void
  revocation(node: NodeId): StoredRevocation | undefined
  /** Sorted by node id. */
  revocations(): StoredRevocation[]
  putRevocation(revocation: StoredRevocation): void
  candidate(node: NodeId): Candidate | undefined
  /** Oldest first. */
  candidates(): Candidate[]
  putCandidate(candidate: Candidate): void
  dropCandidate(node: NodeId): void
  setting(name: string): string | undefined
  putSetting(name: string, value: string): void
}

/** All methods throw StateFault if the store cannot be read or written. */
export interface AuthorityStore {
  /**
   * Everything that `decide` wrote is kept, or nothing if it throws. It may not wait, and must be ready to run again
   * from the beginning: a store that is shared runs it once more if somebody else was faster.
   */
  transact<T>(decide: (ledger: AuthorityLedger) => T): Promise<T>
  /** Reads, and writes nothing: any of several authorities may. */
  look<T>(at: (ledger: AuthorityLedger) => T): Promise<T>
  /** Decides over the documents that the ledger is made of, as when it is copied as a whole. */
  documents<T>(work: (documents: Documents, ledger: AuthorityLedger) => T): Promise<T>
  close(): void
}
