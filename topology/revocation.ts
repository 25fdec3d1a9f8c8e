// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's word that a node is no member any more.
 *
 * ```
 * revocation = envelope "revocation" by the authority's key, at most 832 bytes, of
 * { network: bstr .size 16, node: bstr .size 32, serial: uint, issuedAt: uint, notAfter: uint }
 * ```
 * It takes back the node's certificates up to a serial, and has done its work once the last of them has run out.
 */
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import { decodeAs, encodeAs, hex, integer, type Schema, struct } from './cbor-schema.ts'
import { SERIAL_MAX } from './certificate.ts'
import { wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { type AuthorityFault, judgeAuthority, type Trust } from './authority-signature.ts'
import { ENVELOPE_BYTES_MAX, openEnvelope, sealEnvelope } from './envelope.ts'
import { KEY_BYTES, NETWORK_ID_BYTES, type NetworkId, type NodeId } from './identity.ts'

export interface Revocation {
  readonly network: NetworkId
  readonly node: NodeId
  /** Certificates of the node up to this serial are worth nothing. */
  readonly serial: number
  readonly issuedAt: WallTime
  /** When the last of them would have run out by itself. */
  readonly notAfter: WallTime
}

export type RevocationFault = 'too-large' | 'malformed' | 'wrong-network' | AuthorityFault

const revocationSchema: Schema<Revocation> = struct<Revocation>({
  network: hex(NETWORK_ID_BYTES),
  node: hex(KEY_BYTES),
  serial: integer(1, SERIAL_MAX),
  issuedAt: wallTimeSchema,
  notAfter: wallTimeSchema,
})

export function signRevocation(revocation: Revocation, authority: Signer): Uint8Array {
  return sealEnvelope('revocation', encodeAs(revocationSchema, revocation), authority)
}

/** Never throws. The moment does not matter: what was taken back once stays so. */
export function verifyRevocation(
  sealed: Uint8Array,
  network: Trust,
  crypto: Pick<Crypto, 'verify'>,
): Result<Revocation, RevocationFault> {
  const envelope = openEnvelope('revocation', sealed)
  if (!envelope.ok) return envelope
  const { payload } = envelope.value
  const revocation = decodeAs(revocationSchema, payload, ENVELOPE_BYTES_MAX.revocation)
  if (!revocation.ok) return revocation
  if (revocation.value.network !== network.id) return err('wrong-network')
  const span = { from: revocation.value.issuedAt, until: revocation.value.issuedAt }
  const signed = judgeAuthority('revocation', envelope.value, network, crypto, span)
  if (!signed.ok) return signed
  return ok(revocation.value)
}
