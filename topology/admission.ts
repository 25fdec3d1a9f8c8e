// SPDX-License-Identifier: Apache-2.0
/**
 * What a host sends to become a member, and what an authority answers.
 *
 * ```
 * request   = [envelope "join" by the node's key, proof: bstr .size 32]        at most 2560 bytes
 * payload   = { network: bstr .size 16, token: bstr .size 16, node: bstr .size 32,
 *               wireguardKey: bstr .size 32, probeKey: bstr .size 32, name: tstr,
 *               nonce: bstr .size 16, issuedAt: uint }
 * proof     = HMAC-SHA-256(key SHA-256(secret), "meshgate proof 1" 0x00 || envelope)
 * ```
 * The signature shows that the node owns its key, the proof that it knows the token's secret, and
 * the payload ties both to the keys that the certificate will name. Any member can carry a request:
 * it learns nothing with which it could join itself.
 */
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import { bytes, decodeAs, encodeAs, hex, type Schema, struct, text, tuple } from './cbor-schema.ts'
import { wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import {
  domainSeparated,
  ENVELOPE_BYTES_MAX,
  isSignedBy,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts'
import { tokenIdSchema, type TokenId } from './grant.ts'
import { isHostName } from './host-name.ts'
import {
  idBytes,
  KEY_BYTES,
  NETWORK_ID_BYTES,
  type NetworkId,
  type NodeId,
  nodeIdOf,
  type X25519Key,
} from './identity.ts'
import type { Token } from './token.ts'
import { x25519Schema } from './x25519-schema.ts'

export interface JoinRequest {
  readonly network: NetworkId
  readonly token: TokenId
  readonly node: NodeId
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  /** The wanted host name. */
  readonly name: string
  /** 16 bytes: no two requests are the same, so a reply belongs to one of them. */
  readonly nonce: Uint8Array
  readonly issuedAt: WallTime
}

/** A request whose signature holds, and whose proof is still to be checked against the token. */
export interface SignedJoinRequest extends JoinRequest {
  readonly envelope: Uint8Array
  readonly proof: Uint8Array
}

export type JoinRequestFault = 'too-large' | 'malformed' | 'bad-signature'

export const JOIN_REQUEST_BYTES_MAX = ENVELOPE_BYTES_MAX.join + 512
const NONCE_BYTES = 16
const PROOF_BYTES = 32

const payloadSchema: Schema<JoinRequest> = struct<JoinRequest>({
  network: hex(NETWORK_ID_BYTES),
  token: tokenIdSchema,
  node: hex(KEY_BYTES),
  wireguardKey: x25519Schema,
  probeKey: x25519Schema,
  name: text(isHostName),
  nonce: bytes(NONCE_BYTES),
  issuedAt: wallTimeSchema,
})

const requestSchema = tuple<readonly [Uint8Array, Uint8Array]>(
  bytes(1, ENVELOPE_BYTES_MAX.join),
  bytes(PROOF_BYTES),
)

export interface JoinWish {
  readonly token: Token
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  readonly name: string
  readonly now: WallTime
}

/** `node`: signs with the key that the certificate will be for. */
export function makeJoinRequest(wish: JoinWish, node: Signer, crypto: Crypto): Uint8Array {
  const payload = encodeAs(payloadSchema, {
    network: wish.token.grant.network,
    token: wish.token.grant.id,
    node: nodeIdOf(node.publicKey),
    wireguardKey: wish.wireguardKey,
    probeKey: wish.probeKey,
    name: wish.name,
    nonce: crypto.randomBytes(NONCE_BYTES),
    issuedAt: wish.now,
  })
  const envelope = sealEnvelope('join', payload, node)
  return encodeAs(requestSchema, [
    envelope,
    proofOf(envelope, proofKeyOf(wish.token.secret, crypto), crypto),
  ])
}

/** Checks form and signature. Never throws. */
export function openJoinRequest(
  request: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): Result<SignedJoinRequest, JoinRequestFault> {
  const pair = decodeAs(requestSchema, request, JOIN_REQUEST_BYTES_MAX)
  if (!pair.ok) return pair
  const [sealed, proof] = pair.value
  const envelope = openEnvelope('join', sealed)
  if (!envelope.ok) return envelope
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.join)
  if (!payload.ok) return payload
  return isSignedBy(idBytes(payload.value.node), 'join', envelope.value, crypto)
    ? ok({ ...payload.value, envelope: sealed, proof })
    : err('bad-signature')
}

/** What an authority keeps of a token's secret, 32 bytes. */
export function proofKeyOf(secret: Uint8Array, crypto: Pick<Crypto, 'hash'>): Uint8Array {
  return crypto.hash(secret)
}

/** Whether the requester knows the secret. Takes as long for a wrong proof as for the right one. */
export function provesSecret(
  request: SignedJoinRequest,
  proofKey: Uint8Array,
  crypto: Pick<Crypto, 'mac'>,
): boolean {
  const expected = proofOf(request.envelope, proofKey, crypto)
  let difference = expected.length ^ request.proof.length
  for (const [i, byte] of expected.entries()) difference |= byte ^ (request.proof[i] ?? 0)
  return difference === 0
}

/** Form, signature and proof at once, for whoever has the token's proof key at hand. */
export function verifyJoinRequest(
  request: Uint8Array,
  proofKey: Uint8Array,
  crypto: Pick<Crypto, 'mac' | 'verify'>,
): Result<JoinRequest, JoinRequestFault | 'bad-proof'> {
  const opened = openJoinRequest(request, crypto)
  if (!opened.ok) return opened
  return provesSecret(opened.value, proofKey, crypto) ? opened : err('bad-proof')
}

function proofOf(
  envelope: Uint8Array,
  proofKey: Uint8Array,
  crypto: Pick<Crypto, 'mac'>,
): Uint8Array {
  return crypto.mac(proofKey, domainSeparated('proof', envelope))
}
