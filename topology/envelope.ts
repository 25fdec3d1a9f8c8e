// SPDX-License-Identifier: Apache-2.0
/**
 * A signed document as it travels and as it is kept, verbatim.
 *
 * ```
 * envelope  = [payload: bstr, signature: bstr .size 64, ? delegation: bstr]           canonical CBOR
 * signature = Ed25519("meshgate <kind> 1" 0x00 || payload)        RFC 8032
 * ```
 * The delegation (delegation.ts) stands there if a delegated authority has signed in the place of the root. The prefix keeps a signature made for one kind of document from being shown as another's, and
 * holds the version: a document of another version is another kind.
 */
import { err, ok, type Result } from '../nat/result.ts'
import { decodeCanonical } from './canonical-cbor.ts'
import { bytes, encodeAs, tuple } from './cbor-schema.ts'
import type { Crypto, Signer } from './crypto.ts'

export type SignedKind =
  | 'certificate'
  | 'record'
  | 'grant'
  | 'join'
  | 'admission'
  | 'revocation'
  | 'renewal'
  | 'policy'
  | 'signal'
  | 'delegation'
  | 'withdrawal'

/** Most bytes of a whole envelope. */
export const ENVELOPE_BYTES_MAX: Readonly<Record<SignedKind, number>> = {
  certificate: 2368,
  record: 8192,
  grant: 2368,
  join: 2048,
  admission: 4096,
  signal: 2048,
  revocation: 832,
  renewal: 2048,
  policy: 16_704,
  delegation: 320,
  withdrawal: 320,
}

export const SIGNATURE_BYTES = 64

export interface Envelope {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** Under which the signer speaks for the authority; undefined: it is the root, or a node that speaks for itself. */
  readonly delegation?: Uint8Array | undefined
}

export type EnvelopeFault = 'too-large' | 'malformed'

/** Throws RangeError if the envelope would be larger than its kind allows: our own documents fit. */
export function sealEnvelope(kind: SignedKind, payload: Uint8Array, signer: Signer): Uint8Array {
  const signature = signer.sign(signedBytes(kind, payload))
  const sealed =
    signer.delegation === undefined
      ? encodeAs(envelopeSchema, [payload, signature])
      : encodeAs(delegatedSchema, [payload, signature, signer.delegation.bytes])
  if (sealed.length > ENVELOPE_BYTES_MAX[kind]) {
    throw new RangeError(`a ${kind} of ${sealed.length} bytes is too large`)
  }
  return sealed
}

/** Takes an envelope apart. Nothing in it is to be believed before `isSignedBy`. */
export function openEnvelope(
  kind: SignedKind,
  sealed: Uint8Array,
): Result<Envelope, EnvelopeFault> {
  return open(sealed, ENVELOPE_BYTES_MAX[kind])
}

/** Of whatever kind; for documents that were judged before. */
export function openAnyEnvelope(sealed: Uint8Array): Envelope | undefined {
  const opened = open(sealed, Math.max(...Object.values(ENVELOPE_BYTES_MAX)))
  return opened.ok ? opened.value : undefined
}

function open(sealed: Uint8Array, bytesMax: number): Result<Envelope, EnvelopeFault> {
  const read = decodeCanonical(sealed, bytesMax)
  if (!read.ok) return read
  const direct = envelopeSchema.read(read.value)
  if (direct !== undefined) return ok({ payload: direct[0], signature: direct[1] })
  const delegated = delegatedSchema.read(read.value)
  if (delegated === undefined) return err('malformed')
  const [payload, signature, delegation] = delegated
  return ok({ payload, signature, delegation })
}

/** False for an envelope with a delegation: whoever speaks for itself has none, and nobody may hang one on its document. */
export function isSignedBy(
  publicKey: Uint8Array,
  kind: SignedKind,
  envelope: Envelope,
  crypto: Pick<Crypto, 'verify'>,
): boolean {
  if (envelope.delegation !== undefined) return false
  return crypto.verify(publicKey, signedBytes(kind, envelope.payload), envelope.signature)
}

/** `meshgate <word> 1`, a zero byte, and then the data: what is signed or authenticated. */
export function domainSeparated(word: string, data: Uint8Array): Uint8Array {
  const prefix = `meshgate ${word} 1\0`
  const separated = new Uint8Array(prefix.length + data.length)
  separated.set(Array.from(prefix, (letter) => letter.charCodeAt(0)))
  separated.set(data, prefix.length)
  return separated
}

function signedBytes(kind: SignedKind, payload: Uint8Array): Uint8Array {
  return domainSeparated(kind, payload)
}

const envelopeSchema = tuple<readonly [Uint8Array, Uint8Array]>(
  bytes(1, Number.MAX_SAFE_INTEGER),
  bytes(SIGNATURE_BYTES),
)

const delegatedSchema = tuple<readonly [Uint8Array, Uint8Array, Uint8Array]>(
  bytes(1, Number.MAX_SAFE_INTEGER),
  bytes(SIGNATURE_BYTES),
  bytes(1, ENVELOPE_BYTES_MAX.delegation),
)
