// SPDX-License-Identifier: Apache-2.0
/**
 * What a host needs to join, as text to paste: "mg1_" and the base64url of
 *
 * ```
 * | length 2 | body: length bytes of canonical CBOR | checksum 4 |      integers big-endian
 *
 * body = { grant: bstr, secret: bstr .size 32, authorityKey: bstr .size 32, networkName: tstr,
 *          presharedKey: bstr .size 32, bootstrap: [* 8 { nodeId: bstr .size 32,
 *          dialAddresses: [* 8 tstr], stunServers: [* 4 tstr] }] }
 * ```
 * The length tells a paste that was cut off, the checksum (the start of SHA-256 over the body) one
 * that was altered by accident, and the grant's signature one that was altered on purpose.
 */
import type { TransportAddress } from '../nat/address.ts'
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import { fromBase64url, toBase64url } from './base64url.ts'
import { sameBytes } from './canonical-cbor.ts'
import { bytes, decodeAs, encodeAs, hex, listOf, type Schema, struct, text } from './cbor-schema.ts'
import { CLOCK_SKEW_MS } from './certificate.ts'
import type { Crypto } from './crypto.ts'
import { ENVELOPE_BYTES_MAX } from './envelope.ts'
import { type Grant, verifyGrant } from './grant.ts'
import { isHostName } from './host-name.ts'
import { KEY_BYTES, networkIdOf, type NodeId } from './identity.ts'
import { DIAL_ADDRESSES_MAX, STUN_SERVERS_MAX } from './record.ts'
import { dialAddressSchema, transportAddressSchema } from './record-codec.ts'

/** A member at which a joining host may knock. */
export interface Bootstrap {
  readonly nodeId: NodeId
  /** libp2p multiaddrs without /p2p. */
  readonly dialAddresses: readonly string[]
  readonly stunServers: readonly TransportAddress[]
}

export interface Token {
  readonly grant: Grant
  /** 32 bytes. Never leaves the joining host; it proves that it knows them. */
  readonly secret: Uint8Array
  readonly authorityKey: Uint8Array
  readonly networkName: string
  readonly presharedKey: Uint8Array
  readonly bootstrap: readonly Bootstrap[]
}

/** A token whose grant is still in its envelope, as the authority hands it out. */
export interface IssuedToken extends Omit<Token, 'grant'> {
  readonly grant: Uint8Array
}

export type TokenFault =
  | 'not-a-token'
  | 'unsupported-version'
  | 'too-large'
  | 'truncated'
  | 'malformed'
  | 'bad-signature'
  | 'not-yet-valid'
  | 'expired'

/** Room for eight members with addresses of full length; a usual token has some 700 letters. */
export const TOKEN_TEXT_MAX = 24_576
export const BOOTSTRAP_MAX = 8
export const SECRET_BYTES = 32

const PREFIX = 'mg1_'
const LENGTH_BYTES = 2
const CHECKSUM_BYTES = 4

const bootstrapSchema: Schema<Bootstrap> = struct<Bootstrap>({
  nodeId: hex(KEY_BYTES),
  dialAddresses: listOf(dialAddressSchema, DIAL_ADDRESSES_MAX),
  stunServers: listOf(transportAddressSchema, STUN_SERVERS_MAX),
})

const bodySchema: Schema<IssuedToken> = struct<IssuedToken>({
  grant: bytes(1, ENVELOPE_BYTES_MAX.grant),
  secret: bytes(SECRET_BYTES),
  authorityKey: bytes(KEY_BYTES),
  networkName: text(isHostName),
  presharedKey: bytes(KEY_BYTES),
  bootstrap: listOf(bootstrapSchema, BOOTSTRAP_MAX),
})

/** Of bootstrap members and their addresses the first ones are kept, as many as a token may hold. */
export function formatToken(token: IssuedToken, crypto: Pick<Crypto, 'hash'>): string {
  const bootstrap = token.bootstrap.slice(0, BOOTSTRAP_MAX).map((member) => ({
    nodeId: member.nodeId,
    dialAddresses: member.dialAddresses.slice(0, DIAL_ADDRESSES_MAX),
    stunServers: member.stunServers.slice(0, STUN_SERVERS_MAX),
  }))
  const body = encodeAs(bodySchema, { ...token, bootstrap })
  const framed = new Uint8Array(LENGTH_BYTES + body.length + CHECKSUM_BYTES)
  framed.set([body.length >> 8, body.length & 0xff])
  framed.set(body, LENGTH_BYTES)
  framed.set(crypto.hash(body).subarray(0, CHECKSUM_BYTES), LENGTH_BYTES + body.length)
  return PREFIX + toBase64url(framed)
}

/** Judges a pasted token as of `now`; white space that a terminal put in is passed over. Never throws. */
export function parseToken(
  pasted: string,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
  now: WallTime,
): Result<Token, TokenFault> {
  if (pasted.length > TOKEN_TEXT_MAX) return err('too-large')
  const body = unframe(pasted.replaceAll(/\s+/g, ''), crypto)
  if (!body.ok) return body
  const issued = decodeAs(bodySchema, body.value, TOKEN_TEXT_MAX)
  if (!issued.ok) return issued
  const grant = verifyGrant(issued.value.grant, issued.value.authorityKey, crypto)
  // Who is no member yet has heard of no withdrawal.
  if (!grant.ok) return err(grant.error === 'withdrawn' ? 'bad-signature' : grant.error)
  if (grant.value.network !== networkIdOf(issued.value.authorityKey, crypto)) {
    return err('bad-signature')
  }
  if (now + CLOCK_SKEW_MS < grant.value.notBefore) return err('not-yet-valid')
  if (now >= grant.value.notAfter) return err('expired')
  return ok({ ...issued.value, grant: grant.value })
}

function unframe(
  pasted: string,
  crypto: Pick<Crypto, 'hash'>,
): Result<Uint8Array, 'not-a-token' | 'unsupported-version' | 'truncated' | 'malformed'> {
  if (!pasted.startsWith(PREFIX)) {
    return err(/^mg[0-9]+_/.test(pasted) ? 'unsupported-version' : 'not-a-token')
  }
  const digits = pasted.slice(PREFIX.length)
  if (!/^[\w-]*$/.test(digits)) return err('malformed')
  // A cut may leave one letter too many for whole bytes; what counts is how many bytes there are.
  const framed = fromBase64url(digits)
  const present = framed?.length ?? Math.floor((digits.length * 3) / 4)
  const head = framed ?? fromBase64url(digits.slice(0, 4))
  if (head === undefined || head.length < LENGTH_BYTES) return err('truncated')
  const length = (head[0]! << 8) | head[1]!
  if (present < LENGTH_BYTES + length + CHECKSUM_BYTES) return err('truncated')
  if (framed === undefined || present > LENGTH_BYTES + length + CHECKSUM_BYTES) {
    return err('malformed')
  }
  const body = framed.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
  const checksum = crypto.hash(body).subarray(0, CHECKSUM_BYTES)
  return sameBytes(framed.subarray(LENGTH_BYTES + length), checksum) ? ok(body) : err('malformed')
}
