// SPDX-License-Identifier: Apache-2.0
/**
 * What a member sends to get its next certificate: the same keys for a longer time, or new ones.
 *
 * ```
 * renewal = ["renewal", envelope "renewal" by the node's key, consent: bstr .size 64 / null]    at most 2560 bytes
 * payload = { network: bstr .size 16, node: bstr .size 32, successor: bstr .size 32 / null,
 *             wireguardKey: bstr .size 32, probeKey: bstr .size 32, nonce: bstr .size 16, issuedAt: uint }
 * consent = Ed25519 by the successor over "meshgate succession 1" 0x00 || envelope
 * ```
 * The node signs for the keys that it wants; a new node key signs as well, so that nobody claims a key that is another's.
 */
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import { decodeCanonical } from './canonical-cbor.ts'
import {
  bytes,
  decodeAs,
  encodeAs,
  hex,
  nullable,
  oneOf,
  type Schema,
  struct,
  tuple,
} from './cbor-schema.ts'
import { wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import {
  domainSeparated,
  ENVELOPE_BYTES_MAX,
  isSignedBy,
  openEnvelope,
  sealEnvelope,
  SIGNATURE_BYTES,
} from './envelope.ts'
import {
  idBytes,
  KEY_BYTES,
  NETWORK_ID_BYTES,
  type NetworkId,
  type NodeId,
  nodeIdOf,
  type X25519Key,
} from './identity.ts'
import { x25519Schema } from './x25519-schema.ts'

export interface RenewalRequest {
  readonly network: NetworkId
  readonly node: NodeId
  /** The node key under which it goes on; null: the one that it has. */
  readonly successor: NodeId | null
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  readonly nonce: Uint8Array
  readonly issuedAt: WallTime
}

export type RenewalFault = 'too-large' | 'malformed' | 'bad-signature'

export const RENEWAL_BYTES_MAX = ENVELOPE_BYTES_MAX.renewal + 512
const NONCE_BYTES = 16

const payloadSchema: Schema<RenewalRequest> = struct<RenewalRequest>({
  network: hex(NETWORK_ID_BYTES),
  node: hex(KEY_BYTES),
  successor: nullable(hex<NodeId>(KEY_BYTES)),
  wireguardKey: x25519Schema,
  probeKey: x25519Schema,
  nonce: bytes(NONCE_BYTES),
  issuedAt: wallTimeSchema,
})

const requestSchema = tuple<readonly ['renewal', Uint8Array, Uint8Array | null]>(
  oneOf('renewal'),
  bytes(1, ENVELOPE_BYTES_MAX.renewal),
  nullable(bytes(SIGNATURE_BYTES)),
)

export interface RenewalWish {
  readonly network: NetworkId
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  readonly now: WallTime
}

/** `successor`: signs with the next node key, if there is to be one. */
export function makeRenewal(
  wish: RenewalWish,
  node: Signer,
  crypto: Pick<Crypto, 'randomBytes'>,
  successor?: Signer,
): Uint8Array {
  const payload = encodeAs(payloadSchema, {
    network: wish.network,
    node: nodeIdOf(node.publicKey),
    successor: successor === undefined ? null : nodeIdOf(successor.publicKey),
    wireguardKey: wish.wireguardKey,
    probeKey: wish.probeKey,
    nonce: crypto.randomBytes(NONCE_BYTES),
    issuedAt: wish.now,
  })
  const envelope = sealEnvelope('renewal', payload, node)
  const consent = successor?.sign(domainSeparated('succession', envelope)) ?? null
  return encodeAs(requestSchema, ['renewal', envelope, consent])
}

/** Whether a request that came over the join protocol is of this kind; says nothing of its worth. */
export function isRenewal(request: Uint8Array): boolean {
  const value = decodeCanonical(request, RENEWAL_BYTES_MAX)
  return value.ok && Array.isArray(value.value) && value.value[0] === 'renewal'
}

/** Checks form and signatures. Never throws. */
export function openRenewal(
  request: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): Result<RenewalRequest, RenewalFault> {
  const parts = decodeAs(requestSchema, request, RENEWAL_BYTES_MAX)
  if (!parts.ok) return parts
  const [, sealed, consent] = parts.value
  const envelope = openEnvelope('renewal', sealed)
  if (!envelope.ok) return envelope
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.renewal)
  if (!payload.ok) return payload
  const { node, successor } = payload.value
  if (!isSignedBy(idBytes(node), 'renewal', envelope.value, crypto)) return err('bad-signature')
  if ((successor === null) !== (consent === null)) return err('malformed')
  if (successor === null || consent === null) return ok(payload.value)
  const consents = crypto.verify(idBytes(successor), domainSeparated('succession', sealed), consent)
  return consents ? ok(payload.value) : err('bad-signature')
}
