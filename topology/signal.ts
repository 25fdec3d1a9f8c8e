// SPDX-License-Identifier: Apache-2.0
/**
 * What two members say to each other to set up a data channel (RFC 8839 in our own words): an offer, its answer, and
 * candidates that were found later. Other members may carry it; none can change it, or use it twice.
 *
 * ```
 * signal = envelope "signal" by the sender's node key, at most 2048 bytes, of
 * { network: bstr .size 16, from: bstr .size 32, to: bstr .size 32, session: bstr .size 16, sequence: uint, issuedAt: uint,
 *   kind: tstr, ice: null / { ufrag: tstr, password: tstr, fingerprint: bstr .size 32 },
 *   candidates: [* 16 { kind: tstr, address: tstr }] }
 * ```
 * `ice` is null with kind "candidates" only. The fingerprint (SHA-256 of the sender's DTLS certificate) is what ties the
 * channel to the node key: who is at its other end was said, and signed, here.
 */
import type { TransportAddress } from '../nat/address.ts'
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  bytes,
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
import { wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { ENVELOPE_BYTES_MAX, isSignedBy, openEnvelope, sealEnvelope } from './envelope.ts'
import { idBytes, KEY_BYTES, NETWORK_ID_BYTES, type NetworkId, type NodeId } from './identity.ts'
import { transportAddressSchema } from './record-codec.ts'

export type SignalKind = 'offer' | 'answer' | 'candidates'

export type ChannelCandidateKind = 'host' | 'server-reflexive' | 'relayed'

export interface ChannelCandidate {
  readonly kind: ChannelCandidateKind
  readonly address: TransportAddress
}

/** What ICE and DTLS must know of the other end (RFC 8445, RFC 8122). */
export interface IceCredentials {
  readonly ufrag: string
  readonly password: string
  /** SHA-256, 32 bytes. */
  readonly fingerprint: Uint8Array
}

export interface Signal {
  readonly network: NetworkId
  readonly from: NodeId
  readonly to: NodeId
  /** 32 hex digits, chosen by whoever offers. */
  readonly session: string
  /** Of this sender's signals in this session. */
  readonly sequence: number
  readonly issuedAt: WallTime
  readonly kind: SignalKind
  readonly ice: IceCredentials | null
  readonly candidates: readonly ChannelCandidate[]
}

export type SignalFault =
  | 'too-large'
  | 'malformed'
  | 'bad-signature'
  | 'wrong-network'
  | 'expired'
  | 'from-the-future'

export const SIGNAL_CANDIDATES_MAX = 16
export const SIGNALS_PER_SESSION_MAX = 16

/** A channel is set up within seconds; this is for hosts whose clocks differ. */
export const SIGNAL_LIFETIME_MS = 60_000

const SESSION_BYTES = 16

/** ice-char of RFC 8839: nothing that could end a line of a session description. */
const iceText = (min: number, max: number) =>
  text((value) => value.length >= min && value.length <= max && /^[A-Za-z0-9+/]+$/.test(value))

const iceSchema: Schema<IceCredentials> = struct<IceCredentials>({
  ufrag: iceText(4, 32),
  password: iceText(22, 64),
  fingerprint: bytes(KEY_BYTES),
})

const candidateSchema: Schema<ChannelCandidate> = struct<ChannelCandidate>({
  kind: oneOf<ChannelCandidateKind>('host', 'server-reflexive', 'relayed'),
  address: transportAddressSchema,
})

const payloadSchema: Schema<Signal> = struct<Signal>({
  network: hex(NETWORK_ID_BYTES),
  from: hex(KEY_BYTES),
  to: hex(KEY_BYTES),
  session: hex(SESSION_BYTES),
  sequence: integer(0, SIGNALS_PER_SESSION_MAX - 1),
  issuedAt: wallTimeSchema,
  kind: oneOf<SignalKind>('offer', 'answer', 'candidates'),
  ice: nullable(iceSchema),
  candidates: listOf(candidateSchema, SIGNAL_CANDIDATES_MAX),
})

/** Throws RangeError if it says more than a signal may. */
export function signSignal(signal: Signal, node: Signer): Uint8Array {
  return sealEnvelope('signal', encodeAs(payloadSchema, signal), node)
}

/** Checks form, signature, network and time. Whether the sender is a member is for whoever has the view. Never throws. */
export function verifySignal(
  sealed: Uint8Array,
  network: NetworkId,
  crypto: Pick<Crypto, 'verify'>,
  now: WallTime,
): Result<Signal, SignalFault> {
  const envelope = openEnvelope('signal', sealed)
  if (!envelope.ok) return envelope
  const payload = decodeAs(payloadSchema, envelope.value.payload, ENVELOPE_BYTES_MAX.signal)
  if (!payload.ok) return payload
  const signal = payload.value
  if ((signal.ice === null) !== (signal.kind === 'candidates')) return err('malformed')
  if (signal.from === signal.to) return err('malformed')
  if (signal.network !== network) return err('wrong-network')
  if (now - signal.issuedAt > SIGNAL_LIFETIME_MS) return err('expired')
  if (signal.issuedAt - now > SIGNAL_LIFETIME_MS) return err('from-the-future')
  return isSignedBy(idBytes(signal.from), 'signal', envelope.value, crypto)
    ? ok(signal)
    : err('bad-signature')
}
