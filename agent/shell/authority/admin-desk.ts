// SPDX-License-Identifier: Apache-2.0
/**
 * What a person who looks after the network may do: tokens and members. Plain data in and out, so that the same is
 * said on the host itself (ledger-desk.ts), over the local API and on the page. All throw Failure.
 */
import type { MemberEdit } from './change-member.ts'

export interface TokenRequest {
  readonly uses: number
  readonly lifetimeMs: number
  /** Names that hosts may take; null: any. */
  readonly namePattern: string | null
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  /** How long a host may be gone before it is forgotten; null: it is kept. */
  readonly awayMs: number | null
  readonly hub: boolean
  /** Where this host is reached, before all that is known: IP, IP:port or multiaddr. */
  readonly bootstrap: readonly string[]
}

/** As `meshgate token create --json` prints it. Stable keys. */
export interface CreatedToken {
  readonly token: string
  readonly id: string
  readonly uses: number
  readonly expires: string
  /** Where hosts will knock. */
  readonly bootstrap: readonly string[]
}

/** As `meshgate token list --json` prints it. */
export interface TokenReport {
  readonly id: string
  readonly state: 'valid' | 'revoked' | 'used up' | 'expired'
  readonly used: number
  readonly uses: number
  readonly created: string
  readonly expires: string
  readonly namePattern: string | null
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  readonly awayMs: number | null
  readonly hub: boolean
}

export interface RevokedToken {
  readonly id: string
  readonly revoked: true
  readonly used: number
  readonly uses: number
}

/** As `meshgate node list --json` prints it: members, hosts that wait, and who was revoked. */
export interface NodeReport {
  readonly name: string
  readonly node: string
  readonly state: 'member' | 'expired' | 'revoked' | 'waiting' | 'approved' | 'not approved'
  readonly addresses: readonly string[]
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  readonly notAfter: string | null
}

/** As `meshgate node show --json` prints it. */
export interface MemberReport extends NodeReport {
  readonly hub: boolean
  readonly authority: boolean
  readonly awayMs: number | null
  /** With which it came; null: it made the network. */
  readonly token: string | null
  readonly serial: number
  readonly notBefore: string
}

/** `announced`: the members hear of it now; else once an agent runs here. */
export interface EditedNode extends MemberReport {
  readonly announced: boolean
}

export interface RevokedNode {
  readonly name: string
  readonly node: string
  readonly notAfter: string
  readonly announced: boolean
  /** The token with which it came, if others can still use it. */
  readonly openToken: { readonly id: string; readonly usesLeft: number } | null
}

export type Decision = 'approved' | 'refused'

export interface DecidedNode {
  readonly name: string
  readonly node: string
  readonly state: Decision
}

/** Nodes go by name or by the beginning of their id, tokens by the beginning of theirs. */
export interface AdminDesk {
  createToken(request: TokenRequest): Promise<CreatedToken>
  tokens(): Promise<readonly TokenReport[]>
  revokeToken(id: string): Promise<RevokedToken>
  nodes(): Promise<readonly NodeReport[]>
  node(node: string): Promise<MemberReport>
  editNode(node: string, edit: MemberEdit): Promise<EditedNode>
  /** Shuts it out, also while it is here. */
  revokeNode(node: string): Promise<RevokedNode>
  /** Gives back name and address of one that is gone; one that is here is not taken for it by mistake. */
  removeNode(node: string): Promise<RevokedNode>
  decide(node: string, decision: Decision): Promise<DecidedNode>
}
