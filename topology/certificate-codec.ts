// SPDX-License-Identifier: Apache-2.0
/**
 * ```
 * certificate = envelope "certificate" by the authority's key, at most 2368 bytes, of
 * { network: bstr .size 16, serial: uint, node: bstr .size 32, wireguardKey: bstr .size 32,
 *   probeKey: bstr .size 32, name: tstr, ipv4: bstr .size 4, ipv6: bstr .size 16,
 *   tags: [* tstr], prefixes: [* tstr], hub: bool, authority: bool, notBefore: uint, notAfter: uint }
 * ```
 * Keys in canonical order, tags and prefixes sorted, times in unix milliseconds. Closed: a key that
 * this version does not know might be a restriction, so it is refused.
 */
import { parseIp } from '../nat/address.ts'
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  boolean,
  bytes,
  decodeAs,
  encodeAs,
  hex,
  integer,
  ip,
  type Schema,
  setOf,
  struct,
  text,
} from './cbor-schema.ts'
import {
  type Certificate,
  CLOCK_SKEW_MS,
  PREFIXES_MAX,
  SERIAL_MAX,
  TAGS_MAX,
} from './certificate.ts'
import { type AuthorityFault, judgeAuthority, type Trust } from './authority-signature.ts'
import type { Crypto, Signer } from './crypto.ts'
import { ENVELOPE_BYTES_MAX, type Envelope, openEnvelope, sealEnvelope } from './envelope.ts'
import { isHostName } from './host-name.ts'
import { KEY_BYTES, NETWORK_ID_BYTES } from './identity.ts'
import type { Network } from './network.ts'
import { isPrefix, parsePrefix, prefixContains } from './prefix.ts'
import { x25519Schema } from './x25519-schema.ts'

/** withdrawn: signed by a delegated authority that is none any more. wrong-address: outside of the network's prefixes. */
export type CertificateFault =
  | 'too-large'
  | 'malformed'
  | 'wrong-network'
  | AuthorityFault
  | 'wrong-address'
  | 'not-yet-valid'
  | 'expired'

export const tagsSchema = setOf(text(isHostName), TAGS_MAX)
export const prefixesSchema = setOf(text(isPrefix), PREFIXES_MAX)
export const wallTimeSchema = integer<WallTime>(0, Number.MAX_SAFE_INTEGER)
export const certificateBytesSchema = bytes(1, ENVELOPE_BYTES_MAX.certificate)

const certificateSchema: Schema<Certificate> = struct<Certificate>({
  network: hex(NETWORK_ID_BYTES),
  serial: integer(1, SERIAL_MAX),
  node: hex(KEY_BYTES),
  wireguardKey: x25519Schema,
  probeKey: x25519Schema,
  name: text(isHostName),
  ipv4: ip(4),
  ipv6: ip(16),
  tags: tagsSchema,
  prefixes: prefixesSchema,
  hub: boolean,
  authority: boolean,
  notBefore: wallTimeSchema,
  notAfter: wallTimeSchema,
})

export function signCertificate(certificate: Certificate, authority: Signer): Uint8Array {
  return sealEnvelope('certificate', encodeAs(certificateSchema, certificate), authority)
}

/** Judges a certificate's envelope as of `now`. Never throws. */
export function verifyCertificate(
  sealed: Uint8Array,
  network: Network & Trust,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
  now: WallTime,
): Result<Certificate, CertificateFault> {
  const opened = openCertificate(sealed)
  if (!opened.ok) return opened
  const { certificate, envelope } = opened.value
  if (certificate.network !== network.id) return err('wrong-network')
  const span = { from: certificate.notBefore, until: certificate.notAfter }
  const signed = judgeAuthority('certificate', envelope, network, crypto, span)
  if (!signed.ok) return signed
  if (!isInNetwork(certificate.ipv4, network.ipv4Prefix)) return err('wrong-address')
  if (!isInNetwork(certificate.ipv6, network.ipv6Prefix)) return err('wrong-address')
  if (now + CLOCK_SKEW_MS < certificate.notBefore) return err('not-yet-valid')
  return now >= certificate.notAfter ? err('expired') : ok(certificate)
}

/** Reads without judging: for a host's own certificate, and for saying what is wrong with one. */
export function readCertificate(
  sealed: Uint8Array,
): Result<Certificate, 'too-large' | 'malformed'> {
  const opened = openCertificate(sealed)
  return opened.ok ? ok(opened.value.certificate) : opened
}

function openCertificate(
  sealed: Uint8Array,
): Result<{ certificate: Certificate; envelope: Envelope }, 'too-large' | 'malformed'> {
  const envelope = openEnvelope('certificate', sealed)
  if (!envelope.ok) return envelope
  const certificate = decodeAs(
    certificateSchema,
    envelope.value.payload,
    ENVELOPE_BYTES_MAX.certificate,
  )
  if (!certificate.ok) return certificate
  return ok({ certificate: certificate.value, envelope: envelope.value })
}

/** A node keeps its address when it changes its key, so that the address does not follow from the key any more. */
function isInNetwork(address: string, prefixText: string): boolean {
  const prefix = parsePrefix(prefixText)
  const ip = parseIp(address)
  return prefix.ok && ip.ok && prefixContains(prefix.value, ip.value)
}
