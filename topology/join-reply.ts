// SPDX-License-Identifier: Apache-2.0
/**
 * An authority's answer to a join request or a renewal.
 *
 * ```
 * reply     = { accepted: envelope "admission" by the authority's key / null,
 *               refused: { reason: tstr, sentence: tstr } / null, records: [* 8 bstr] }   at most 16384 bytes
 * admission = { request: bstr .size 32, certificate: bstr, network: { ... } }
 * ```
 * The admission is signed and names the request by its SHA-256, so that the member that carries the
 * reply can neither swap the address plan nor show an old answer. A refusal needs no signature:
 * whoever carries it could as well have kept silent. Records sign themselves.
 */
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import { openJoinRequest } from './admission.ts'
import { sameBytes } from './canonical-cbor.ts'
import {
  bytes,
  decodeAs,
  encodeAs,
  listOf,
  nullable,
  oneOf,
  type Schema,
  struct,
  text,
} from './cbor-schema.ts'
import type { Certificate } from './certificate.ts'
import {
  certificateBytesSchema,
  type CertificateFault,
  verifyCertificate,
} from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { networkIdOf } from './identity.ts'
import { judgeAuthority } from './authority-signature.ts'
import { ENVELOPE_BYTES_MAX, openEnvelope, sealEnvelope } from './envelope.ts'
import { isRenewal, openRenewal, type RenewalFault, type RenewalRequest } from './renewal.ts'
import { isConsistent, type Network, networkSchema, type NetworkFault } from './network.ts'

export const REFUSAL_REASONS = [
  'token-unknown',
  'token-expired',
  'token-used-up',
  'token-revoked',
  'name-taken',
  'name-not-allowed',
  'keys-taken',
  'bad-proof',
  'awaiting-approval',
  'not-approved',
  'revoked',
  'not-a-member',
  'stale-request',
  'address-plan-full',
  'wrong-network',
  'malformed',
] as const

export type RefusalReason = (typeof REFUSAL_REASONS)[number]

export interface Refusal {
  readonly reason: RefusalReason
  /** For the operator of the joining host: what is wrong, and what to do. */
  readonly sentence: string
}

export type JoinReply =
  | {
      readonly kind: 'accepted'
      readonly certificate: Certificate
      /** The certificate as the authority signed it. */
      readonly certificateBytes: Uint8Array
      readonly network: Network
      /** Record envelopes of members to begin with, not yet verified. */
      readonly records: readonly Uint8Array[]
    }
  | ({ readonly kind: 'refused' } & Refusal)

export type JoinReplyFault = NetworkFault | CertificateFault | 'other-request'

export const JOIN_REPLY_BYTES_MAX = 16_384
/** Enough to know whom to dial; anti-entropy brings the rest. */
export const REPLY_RECORDS_MAX = 8
/** Leaves room for the admission and the frame around it. */
const REPLY_RECORDS_BYTES_MAX = JOIN_REPLY_BYTES_MAX - ENVELOPE_BYTES_MAX.admission - 64
const SENTENCE_MAX = 400

interface Admission {
  readonly request: Uint8Array
  readonly certificate: Uint8Array
  readonly network: Network
}

interface Reply {
  readonly accepted: Uint8Array | null
  readonly refused: Refusal | null
  readonly records: readonly Uint8Array[]
}

const admissionSchema: Schema<Admission> = struct<Admission>({
  request: bytes(32),
  certificate: certificateBytesSchema,
  network: networkSchema,
})

const replySchema: Schema<Reply> = struct<Reply>({
  accepted: nullable(bytes(1, ENVELOPE_BYTES_MAX.admission)),
  refused: nullable(
    struct<Refusal>({
      reason: oneOf(...REFUSAL_REASONS),
      sentence: text((value) => value.length <= SENTENCE_MAX),
    }),
  ),
  records: listOf(bytes(1, ENVELOPE_BYTES_MAX.record), REPLY_RECORDS_MAX),
})

export interface Acceptance {
  /** The request's bytes, as they came. */
  readonly request: Uint8Array
  readonly certificate: Uint8Array
  readonly network: Network
  /** Records to begin with, most useful first; as many as fit are sent. */
  readonly records: readonly Uint8Array[]
}

export function encodeAcceptance(
  acceptance: Acceptance,
  authority: Signer,
  crypto: Pick<Crypto, 'hash'>,
): Uint8Array {
  const admission = encodeAs(admissionSchema, {
    request: crypto.hash(acceptance.request),
    certificate: acceptance.certificate,
    network: acceptance.network,
  })
  return encodeAs(replySchema, {
    accepted: sealEnvelope('admission', admission, authority),
    refused: null,
    records: asManyAsFit(acceptance.records),
  })
}

export function encodeRefusal({ reason, sentence }: Refusal): Uint8Array {
  const refused = { reason, sentence: sentence.slice(0, SENTENCE_MAX) }
  return encodeAs(replySchema, { accepted: null, refused, records: [] })
}

export interface AwaitedReply {
  /** From the token. */
  readonly authorityKey: Uint8Array
  /** The request's bytes, as they were sent. */
  readonly request: Uint8Array
  readonly now: WallTime
}

/** Judges a reply; an accepted one is the authority's word on this very request. Never throws. */
export function readJoinReply(
  reply: Uint8Array,
  awaited: AwaitedReply,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
): Result<JoinReply, JoinReplyFault> {
  const read = decodeAs(replySchema, reply, JOIN_REPLY_BYTES_MAX)
  if (!read.ok) return read
  const { accepted, refused, records } = read.value
  if ((accepted === null) === (refused === null)) return err('malformed')
  if (refused !== null) return ok({ kind: 'refused', ...refused })
  const admission = openAdmission(accepted!, awaited, crypto)
  if (!admission.ok) return admission
  const { network, certificate: certificateBytes } = admission.value
  const certificate = verifyCertificate(certificateBytes, network, crypto, awaited.now)
  if (!certificate.ok) return certificate
  if (!isFor(certificate.value, awaited.request, crypto)) return err('other-request')
  return ok({
    kind: 'accepted',
    certificate: certificate.value,
    certificateBytes,
    network,
    records,
  })
}

function openAdmission(
  sealed: Uint8Array,
  { authorityKey, request, now }: AwaitedReply,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
): Result<Admission, 'too-large' | 'malformed' | 'bad-signature' | 'other-request' | 'wrong-id'> {
  const envelope = openEnvelope('admission', sealed)
  if (!envelope.ok) return envelope
  const admission = decodeAs(admissionSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.admission)
  if (!admission.ok) return admission
  const trust = { id: networkIdOf(authorityKey, crypto), authorityKey }
  const span = { from: now, until: now }
  const signed = judgeAuthority('admission', envelope.value, trust, crypto, span)
  if (!signed.ok) return err('bad-signature')
  if (!sameBytes(admission.value.request, crypto.hash(request))) return err('other-request')
  const { network } = admission.value
  const own = sameBytes(network.authorityKey, authorityKey) && isConsistent(network, crypto)
  return own ? ok(admission.value) : err('wrong-id')
}

function isFor(
  certificate: Certificate,
  request: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): boolean {
  const asked = isRenewal(request) ? renewedKeys(request, crypto) : openJoinRequest(request, crypto)
  return (
    asked.ok &&
    asked.value.node === certificate.node &&
    asked.value.wireguardKey === certificate.wireguardKey &&
    asked.value.probeKey === certificate.probeKey
  )
}

function renewedKeys(
  request: Uint8Array,
  crypto: Pick<Crypto, 'verify'>,
): Result<Pick<RenewalRequest, 'node' | 'wireguardKey' | 'probeKey'>, RenewalFault> {
  const renewal = openRenewal(request, crypto)
  if (!renewal.ok) return renewal
  const { node, successor } = renewal.value
  return ok({ ...renewal.value, node: successor ?? node })
}

function asManyAsFit(records: readonly Uint8Array[]): Uint8Array[] {
  const fitting: Uint8Array[] = []
  let total = 0
  for (const record of records.slice(0, REPLY_RECORDS_MAX)) {
    // A byte string's head takes at most 3 bytes here.
    total += record.length + 3
    if (total > REPLY_RECORDS_BYTES_MAX) break
    fitting.push(record)
  }
  return fitting
}
