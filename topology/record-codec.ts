// SPDX-License-Identifier: Apache-2.0
/**
 * ```
 * record = envelope "record" by the node's key, at most 8192 bytes, of
 * { certificate: bstr, version: uint, issuedAt: uint, present: bool,
 *   candidates: [* 16 { kind: tstr, address: tstr }], nat: { mapping: tstr, filtering: tstr, lifetimeMs: uint / null },
 *   dialAddresses: [* 8 tstr], dialPort: uint, stunServers: [* 4 tstr], relay: bool, draining: bool,
 *   birthdaySearch: bool, hubs: [* 4 bstr .size 32],
 *   * tstr => any }
 * ```
 * Keys in canonical order, times in unix milliseconds. Open: facts that a later version adds are
 * passed over, and kept, because the envelope travels verbatim.
 */
import { parseTransportAddress, type TransportAddress } from '../nat/address.ts'
import { FILTERING_BEHAVIOURS, MAPPING_BEHAVIOURS, type NatBehaviour } from '../nat/behaviour.ts'
import type { Candidate, CandidateKind } from '../nat/candidate.ts'
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  boolean,
  decodeAs,
  encodeAs,
  hex,
  integer,
  listOf,
  nullable,
  oneOf,
  type Schema,
  struct,
  text,
} from './cbor-schema.ts'
import {
  certificateBytesSchema,
  type CertificateFault,
  readCertificate,
  verifyCertificate,
  wallTimeSchema,
} from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { ENVELOPE_BYTES_MAX, isSignedBy, openEnvelope, sealEnvelope } from './envelope.ts'
import { idBytes, KEY_BYTES, type NodeId } from './identity.ts'
import type { Trust } from './authority-signature.ts'
import type { Network } from './network.ts'
import {
  CANDIDATES_MAX,
  DIAL_ADDRESSES_MAX,
  HUBS_MAX,
  ISSUED_AHEAD_MS_MAX,
  MAPPING_LIFETIME_MS_MAX,
  type NodeRecord,
  type RecordEnvelope,
  STUN_SERVERS_MAX,
  VERSION_AHEAD_MS_MAX,
} from './record.ts'

/** What a node says of itself, without the certificate that the authority says of it. */
export type Statement = Omit<NodeRecord, 'certificate'>

/** from-the-future: the version or the time of issue is further ahead of our clock than clocks differ. */
export type RecordFault = CertificateFault | 'from-the-future'

export const transportAddressSchema = text<TransportAddress>((value) => {
  const parsed = parseTransportAddress(value)
  return parsed.ok && parsed.value === value
})

/** A multiaddr's text form; whether its protocols are known is for whoever dials it. */
export const dialAddressSchema = text(
  (value) => /^(?:\/[\w.:%-]+){2,}$/.test(value) && value.length <= 128,
)

export const candidateSchema: Schema<Candidate> = struct<Candidate>({
  kind: oneOf<CandidateKind>('host', 'mapped', 'server-reflexive', 'relayed'),
  address: transportAddressSchema,
})

export const natSchema: Schema<NatBehaviour> = struct<NatBehaviour>({
  mapping: oneOf(...MAPPING_BEHAVIOURS),
  filtering: oneOf(...FILTERING_BEHAVIOURS),
  lifetimeMs: nullable(integer(1, MAPPING_LIFETIME_MS_MAX)),
})

interface Payload extends Statement {
  readonly certificate: Uint8Array
}

const payloadSchema: Schema<Payload> = struct<Payload>(
  {
    certificate: certificateBytesSchema,
    version: integer(1, Number.MAX_SAFE_INTEGER),
    issuedAt: wallTimeSchema,
    present: boolean,
    candidates: listOf(candidateSchema, CANDIDATES_MAX),
    nat: natSchema,
    dialAddresses: listOf(dialAddressSchema, DIAL_ADDRESSES_MAX),
    dialPort: integer(1, 65_535),
    stunServers: listOf(transportAddressSchema, STUN_SERVERS_MAX),
    relay: boolean,
    draining: boolean,
    birthdaySearch: boolean,
    hubs: listOf(hex<NodeId>(KEY_BYTES), HUBS_MAX),
  },
  { open: true },
)

/**
 * `certificate`: the envelope as the authority signed it. Of candidates and addresses the first ones
 * are kept, as many as a record may hold; peer-reflexive candidates are left out.
 */
export function signRecord(
  statement: Statement,
  certificate: Uint8Array,
  node: Signer,
): RecordEnvelope {
  const payload = encodeAs(payloadSchema, {
    ...statement,
    certificate,
    candidates: statement.candidates
      .filter(({ kind }) => kind !== 'peer-reflexive')
      .slice(0, CANDIDATES_MAX),
    dialAddresses: statement.dialAddresses.slice(0, DIAL_ADDRESSES_MAX),
    stunServers: statement.stunServers.slice(0, STUN_SERVERS_MAX),
    hubs: statement.hubs.slice(0, HUBS_MAX),
  })
  return { bytes: sealEnvelope('record', payload, node) }
}

/** Whose record it claims to be; nothing of it was verified. */
export function recordNode(sealed: Uint8Array): NodeId | undefined {
  const bytes = recordCertificate(sealed)
  const certificate = bytes === undefined ? undefined : readCertificate(bytes)
  return certificate?.ok === true ? certificate.value.node : undefined
}

/** The certificate in it, as the authority signed it; nothing of it was verified. */
export function recordCertificate(sealed: Uint8Array): Uint8Array | undefined {
  const envelope = openEnvelope('record', sealed)
  if (!envelope.ok) return undefined
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.record)
  return payload.ok ? payload.value.certificate : undefined
}

/** Judges a record's envelope as of `now`, its certificate included. Never throws. */
export function verifyRecord(
  sealed: Uint8Array,
  network: Network & Trust,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
  now: WallTime,
): Result<NodeRecord, RecordFault> {
  const envelope = openEnvelope('record', sealed)
  if (!envelope.ok) return envelope
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.record)
  if (!payload.ok) return payload
  const certificate = verifyCertificate(payload.value.certificate, network, crypto, now)
  if (!certificate.ok) return certificate
  if (!isSignedBy(idBytes(certificate.value.node), 'record', envelope.value, crypto)) {
    return err('bad-signature')
  }
  const { version, issuedAt } = payload.value
  if (version > now + VERSION_AHEAD_MS_MAX || issuedAt > now + ISSUED_AHEAD_MS_MAX) {
    return err('from-the-future')
  }
  return ok({ ...payload.value, certificate: certificate.value })
}

/**
 * Judges what this host judged before and has kept. A host without a clock of its own wakes up in the past; what it knew by
 * then was in order once, and without it nobody would be there to ask.
 */
export function verifyKeptRecord(
  sealed: Uint8Array,
  network: Network & Trust,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
  now: WallTime,
): Result<NodeRecord, RecordFault> {
  const judged = verifyRecord(sealed, network, crypto, now)
  if (judged.ok || !OF_A_CLOCK_BEHIND.has(judged.error)) return judged
  const envelope = openEnvelope('record', sealed)
  if (!envelope.ok) return envelope
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.record)
  if (!payload.ok) return payload
  return verifyRecord(sealed, network, crypto, payload.value.issuedAt)
}

const OF_A_CLOCK_BEHIND: ReadonlySet<RecordFault> = new Set(['not-yet-valid', 'from-the-future'])
