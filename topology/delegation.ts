// SPDX-License-Identifier: Apache-2.0
/**
 * The root's word that another key may speak as an authority, for what and until when, so that the root itself can lie in a
 * drawer; and its word that such a key may not any more.
 *
 * ```
 * delegation = envelope "delegation" by the root's key, at most 320 bytes, of
 * { network: bstr .size 16, key: bstr .size 32, serial: uint, scope: [* tstr], notBefore: uint, notAfter: uint }
 * withdrawal = envelope "withdrawal" by the root's key, at most 320 bytes, of
 * { network: bstr .size 16, key: bstr .size 32, serial: uint, notAfter: uint }
 * ```
 * The root is the key that the network's id follows from. A withdrawal takes back the key's delegations up to a serial, and
 * with them whatever was signed under them.
 */
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  decodeAs,
  encodeAs,
  hex,
  integer,
  oneOf,
  type Schema,
  setOf,
  struct,
} from './cbor-schema.ts'
import type { Crypto, Signer } from './crypto.ts'
import {
  ENVELOPE_BYTES_MAX,
  isSignedBy,
  openAnyEnvelope,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts'
import { KEY_BYTES, NETWORK_ID_BYTES, type NetworkId } from './identity.ts'
import type { Network } from './network.ts'

/** admit: tokens, joins, certificates. revoke: who is out. policy: who may reach whom. */
export type DelegatedRight = 'admit' | 'revoke' | 'policy'

export const DELEGATED_RIGHTS: readonly DelegatedRight[] = ['admit', 'policy', 'revoke']

/** Nobody remembers for longer what a key may do. */
export const DELEGATION_LIFETIME_MS_MAX = 2 * 366 * 86_400_000

export interface Delegation {
  readonly network: NetworkId
  /** The Ed25519 public key that may sign, 64 hex digits. */
  readonly key: string
  /** Grows with every delegation of the network. */
  readonly serial: number
  /** Sorted. */
  readonly scope: readonly DelegatedRight[]
  readonly notBefore: WallTime
  readonly notAfter: WallTime
}

export interface Withdrawal {
  readonly network: NetworkId
  readonly key: string
  readonly serial: number
  /** When the last of those delegations would have run out by itself. */
  readonly notAfter: WallTime
}

export type DelegationFault = 'too-large' | 'malformed' | 'wrong-network' | 'bad-signature'

type Root = Pick<Network, 'id' | 'authorityKey'>

const timeSchema = integer<WallTime>(0, Number.MAX_SAFE_INTEGER)

const delegationSchema: Schema<Delegation> = struct<Delegation>({
  network: hex(NETWORK_ID_BYTES),
  key: hex(KEY_BYTES),
  serial: integer(1, Number.MAX_SAFE_INTEGER),
  scope: setOf(oneOf<DelegatedRight>(...DELEGATED_RIGHTS), DELEGATED_RIGHTS.length),
  notBefore: timeSchema,
  notAfter: timeSchema,
})

const withdrawalSchema: Schema<Withdrawal> = struct<Withdrawal>({
  network: hex(NETWORK_ID_BYTES),
  key: hex(KEY_BYTES),
  serial: integer(1, Number.MAX_SAFE_INTEGER),
  notAfter: timeSchema,
})

export function signDelegation(delegation: Delegation, root: Signer): Uint8Array {
  return sealEnvelope('delegation', encodeAs(delegationSchema, delegation), root)
}

export function signWithdrawal(withdrawal: Withdrawal, root: Signer): Uint8Array {
  return sealEnvelope('withdrawal', encodeAs(withdrawalSchema, withdrawal), root)
}

/** Never throws. Its lifetime is for those to judge who are shown something that was signed under it. */
export function verifyDelegation(
  sealed: Uint8Array,
  root: Root,
  crypto: Pick<Crypto, 'verify'>,
): Result<Delegation, DelegationFault> {
  return verify('delegation', delegationSchema, sealed, { root, crypto })
}

/** Never throws. */
export function verifyWithdrawal(
  sealed: Uint8Array,
  root: Root,
  crypto: Pick<Crypto, 'verify'>,
): Result<Withdrawal, DelegationFault> {
  return verify('withdrawal', withdrawalSchema, sealed, { root, crypto })
}

/** Whether an envelope, whose signature was verified before, stands on this key's delegation of that serial or an earlier one. */
export function isSignedUnder(sealed: Uint8Array, key: string, serial: number): boolean {
  const envelope = openAnyEnvelope(sealed)
  if (envelope?.delegation === undefined) return false
  const delegation = openEnvelope('delegation', envelope.delegation)
  if (!delegation.ok) return false
  const { payload } = delegation.value
  const content = decodeAs(delegationSchema, payload, ENVELOPE_BYTES_MAX.delegation)
  return content.ok && content.value.key === key && content.value.serial <= serial
}

function verify<T extends { readonly network: NetworkId }>(
  kind: 'delegation' | 'withdrawal',
  schema: Schema<T>,
  sealed: Uint8Array,
  { root, crypto }: { readonly root: Root; readonly crypto: Pick<Crypto, 'verify'> },
): Result<T, DelegationFault> {
  const envelope = openEnvelope(kind, sealed)
  if (!envelope.ok) return envelope
  // Only the root says who speaks for it: a delegate cannot delegate.
  if (envelope.value.delegation !== undefined) return err('malformed')
  const content = decodeAs(schema, envelope.value.payload, ENVELOPE_BYTES_MAX[kind])
  if (!content.ok) return content
  if (content.value.network !== root.id) return err('wrong-network')
  return isSignedBy(root.authorityKey, kind, envelope.value, crypto)
    ? ok(content.value)
    : err('bad-signature')
}
