// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's memory: tokens, members and counters. Behind it an embedded SQLite file
 * (sqlite-authority-store.ts); several authorities on one shared store is the same interface.
 */
import type { WallTime } from '../../../nat/clock.ts'
import type { Certificate } from '../../../topology/certificate.ts'
import type { Grant, TokenId } from '../../../topology/grant.ts'
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
  readonly ephemeral: boolean
}

/** What a decision reads and writes inside a transaction: what it read is still true when it writes. */
export interface AuthorityLedger {
  token(id: TokenId): StoredToken | undefined
  node(id: NodeId): StoredNode | undefined
  nodeNamed(name: string): StoredNode | undefined
  wasAdmitted(token: TokenId, node: NodeId): boolean
  /** Of all members, and of those forgotten whose certificate still holds. */
  takenIpv4(now: WallTime): ReadonlySet<string>
  /** Grows with every call, also when the store was restored from an older copy. */
  nextSerial(now: WallTime): number
  putNode(node: StoredNode): void
  countUse(token: TokenId, node: NodeId): void
  /** Drops ephemeral members whose certificate ran out. */
  dropLapsed(now: WallTime): void
}

/** All methods throw StateFault if the store cannot be read or written. */
export interface AuthorityStore {
  /** Everything that `decide` wrote is kept, or nothing if it throws. It may not wait. */
  transact<T>(decide: (ledger: AuthorityLedger) => T): T
  createToken(token: Omit<StoredToken, 'used' | 'revoked'>): void
  /** Newest first. */
  listTokens(): StoredToken[]
  /** False if there is no such token. Who has joined with it stays a member. */
  revokeToken(id: TokenId): boolean
  /** Sorted by name. */
  listNodes(): StoredNode[]
  /** Gives the name back at once, the address when the certificate has run out. False if there is none. */
  forgetNode(name: string): boolean
  close(): void
}
