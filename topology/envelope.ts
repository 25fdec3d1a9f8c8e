// SPDX-License-Identifier: Apache-2.0
/**
 * A signed document as it travels and as it is kept, verbatim.
 *
 * ```
 * envelope  = [payload: bstr, signature: bstr .size 64]           canonical CBOR
 * signature = Ed25519("meshgate <kind> 1" 0x00 || payload)        RFC 8032
 * ```
 * The prefix keeps a signature made for one kind of document from being shown as another's, and
 * holds the version: a document of another version is another kind.
 */
import { err, ok, type Result } from '../nat/result.ts'
import { bytes, decodeAs, encodeAs, tuple } from './cbor-schema.ts'
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

/** Most bytes of a whole envelope. */
export const ENVELOPE_BYTES_MAX: Readonly<Record<SignedKind, number>> = {
  certificate: 2048,
  record: 8192,
  grant: 2048,
  join: 2048,
  admission: 4096,
  signal: 2048,
  revocation: 512,
  renewal: 2048,
  policy: 16_384,
}

export const SIGNATURE_BYTES = 64

export interface Envelope {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

export type EnvelopeFault = 'too-large' | 'malformed'

/** Throws RangeError if the envelope would be larger than its kind allows: our own documents fit. */
export function sealEnvelope(kind: SignedKind, payload: Uint8Array, signer: Signer): Uint8Array {
  const signature = signer.sign(signedBytes(kind, payload))
  const sealed = encodeAs(envelopeSchema, [payload, signature])
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
  const read = decodeAs(envelopeSchema, sealed, ENVELOPE_BYTES_MAX[kind])
  if (!read.ok) return err(read.error)
  const [payload, signature] = read.value
  return ok({ payload, signature })
}

export function isSignedBy(
  publicKey: Uint8Array,
  kind: SignedKind,
  envelope: Envelope,
  crypto: Pick<Crypto, 'verify'>,
): boolean {
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
