// SPDX-License-Identifier: Apache-2.0
/**
 * What the authority allows the holder of a token to become.
 *
 * ```
 * grant = envelope "grant" by the authority's key, at most 2368 bytes, of
 * { network: bstr .size 16, id: bstr .size 16, namePattern: tstr / null, tags: [* tstr],
 *   awayMs: uint / null, prefixes: [* tstr], hub: bool, uses: uint, notBefore: uint, notAfter: uint }
 * ```
 */
import type { WallTime } from '../nat/clock.ts'
import { ok, type Result } from '../nat/result.ts'
import {
  boolean,
  decodeAs,
  encodeAs,
  hex,
  integer,
  nullable,
  type Schema,
  struct,
  text,
} from './cbor-schema.ts'
import { prefixesSchema, tagsSchema, wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { type AuthorityFault, judgeAuthority } from './authority-signature.ts'
import { ENVELOPE_BYTES_MAX, openEnvelope, sealEnvelope } from './envelope.ts'
import { isNamePattern } from './host-name.ts'
import { NETWORK_ID_BYTES, type NetworkId } from './identity.ts'

declare const tokenIdBrand: unique symbol

/** 16 random bytes as 32 hex digits: names a token without being its secret. */
export type TokenId = string & { readonly [tokenIdBrand]: true }

export const TOKEN_ID_BYTES = 16
export const USES_MAX = 1_000_000

/** Shorter, and a member renews its certificate all the time; longer, and it is no different from others. */
export const AWAY_MS_MIN = 60_000
export const AWAY_MS_MAX = 15 * 86_400_000

export interface Grant {
  readonly network: NetworkId
  readonly id: TokenId
  /** A host name, with `*` for any run of characters; null: any name. */
  readonly namePattern: string | null
  readonly tags: readonly string[]
  /** Hosts that join with it are ephemeral: forgotten when they were gone for so long. Null: they are kept. */
  readonly awayMs: number | null
  /** Prefixes outside the mesh that the host may forward, canonical CIDR. */
  readonly prefixes: readonly string[]
  /** Whether the host may forward others' ciphertext. */
  readonly hub: boolean
  readonly uses: number
  readonly notBefore: WallTime
  readonly notAfter: WallTime
}

export const tokenIdSchema = hex<TokenId>(TOKEN_ID_BYTES)

const grantSchema: Schema<Grant> = struct<Grant>({
  network: hex(NETWORK_ID_BYTES),
  id: tokenIdSchema,
  namePattern: nullable(text(isNamePattern)),
  tags: tagsSchema,
  awayMs: nullable(integer(AWAY_MS_MIN, AWAY_MS_MAX)),
  prefixes: prefixesSchema,
  hub: boolean,
  uses: integer(1, USES_MAX),
  notBefore: wallTimeSchema,
  notAfter: wallTimeSchema,
})

export function signGrant(grant: Grant, authority: Signer): Uint8Array {
  return sealEnvelope('grant', encodeAs(grantSchema, grant), authority)
}

/** The lifetime is not judged here: the joiner's clock and the authority's both have a say. */
export function verifyGrant(
  sealed: Uint8Array,
  authorityKey: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): Result<Grant, 'too-large' | 'malformed' | AuthorityFault> {
  const envelope = openEnvelope('grant', sealed)
  if (!envelope.ok) return envelope
  const grant = decodeAs(grantSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.grant)
  if (!grant.ok) return grant
  const { network: id, notBefore: from, notAfter: until } = grant.value
  const trust = { id, authorityKey }
  const signed = judgeAuthority('grant', envelope.value, trust, crypto, { from, until })
  return signed.ok ? ok(grant.value) : signed
}
