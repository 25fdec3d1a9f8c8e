// SPDX-License-Identifier: Apache-2.0
/**
 * What the authority says and every member must hear, whoever carries it: who is no member any more, what a member may do
 * from now on, who may reach whom, and which delegated authority is none any more.
 *
 * ```
 * notice = [kind: tstr, envelope: bstr]                        canonical CBOR
 * ```
 * Of each kind and subject the one of the highest serial is kept, so the fold is commutative and idempotent: the same
 * notices in any order give the same set.
 */
import { toHex } from '../nat/hex.ts'
import type { WallTime } from '../nat/clock.ts'
import { ok, type Result } from '../nat/result.ts'
import { bytes, decodeAs, encodeAs, oneOf, tuple } from './cbor-schema.ts'
import type { Certificate } from './certificate.ts'
import { type CertificateFault, verifyCertificate } from './certificate-codec.ts'
import type { Crypto } from './crypto.ts'
import { ENVELOPE_BYTES_MAX } from './envelope.ts'
import {
  type DelegationFault,
  isSignedUnder,
  verifyWithdrawal,
  type Withdrawal,
} from './delegation.ts'
import type { Trust } from './authority-signature.ts'
import type { Network } from './network.ts'
import type { Policy } from './policy.ts'
import { type PolicyFault, verifyPolicy } from './policy-codec.ts'
import { type Revocation, type RevocationFault, verifyRevocation } from './revocation.ts'

export type NoticeKind = 'revocation' | 'certificate' | 'policy' | 'withdrawal'

export type NoticeContent =
  | { readonly kind: 'revocation'; readonly revocation: Revocation }
  /** A certificate that the authority issued without being asked: its node is to use it. */
  | {
      readonly kind: 'certificate'
      readonly certificate: Certificate
      readonly envelope: Uint8Array
    }
  /** Who may reach whom from now on. */
  | { readonly kind: 'policy'; readonly policy: Policy }
  /** The root's word: what the key signed under its delegations is worth nothing. */
  | { readonly kind: 'withdrawal'; readonly withdrawal: Withdrawal }

/** A notice whose signature holds, with the bytes in which it travels. */
export type Notice = NoticeContent & { readonly bytes: Uint8Array }

export type NoticeFault = CertificateFault | RevocationFault | PolicyFault | DelegationFault

export interface NoticeSet {
  readonly byKey: Map<string, Notice>
  readonly max: number
  /** Made when it is asked for, and anew when the set has changed. */
  digest: string | undefined
}

/** Revocations of a network of 10,000 that was replaced as a whole. */
export const NOTICES_MAX = 10_000
export const NOTICE_BYTES_MAX = ENVELOPE_BYTES_MAX.policy + 32
export const NOTICES_DIGEST_BYTES = 8

const noticeSchema = tuple<readonly [NoticeKind, Uint8Array]>(
  oneOf<NoticeKind>('revocation', 'certificate', 'policy', 'withdrawal'),
  bytes(1, ENVELOPE_BYTES_MAX.policy),
)

export function encodeNotice(kind: NoticeKind, envelope: Uint8Array): Uint8Array {
  return encodeAs(noticeSchema, [kind, envelope])
}

/** Judges a notice as of `now`. Never throws. */
export function openNotice(
  encoded: Uint8Array,
  network: Network & Trust,
  crypto: Pick<Crypto, 'hash' | 'verify'>,
  now: WallTime,
): Result<Notice, NoticeFault> {
  const parts = decodeAs(noticeSchema, encoded, NOTICE_BYTES_MAX)
  if (!parts.ok) return parts
  const [kind, envelope] = parts.value
  switch (kind) {
    case 'revocation': {
      const revocation = verifyRevocation(envelope, network, crypto)
      return revocation.ok ? ok({ kind, revocation: revocation.value, bytes: encoded }) : revocation
    }
    case 'certificate': {
      const certificate = verifyCertificate(envelope, network, crypto, now)
      if (!certificate.ok) return certificate
      return ok({ kind, certificate: certificate.value, envelope, bytes: encoded })
    }
    case 'policy': {
      const policy = verifyPolicy(envelope, network, crypto)
      return policy.ok ? ok({ kind, policy: policy.value, bytes: encoded }) : policy
    }
    case 'withdrawal': {
      const withdrawal = verifyWithdrawal(envelope, network, crypto)
      return withdrawal.ok ? ok({ kind, withdrawal: withdrawal.value, bytes: encoded }) : withdrawal
    }
  }
}

export function createNoticeSet(max: number = NOTICES_MAX): NoticeSet {
  return { byKey: new Map(), max, digest: undefined }
}

/** Full: the set holds as many as it may, and those it holds matter for longer. */
export function acceptNotice(set: NoticeSet, notice: Notice): 'newer' | 'known' | 'full' {
  const key = keyOf(notice)
  const held = set.byKey.get(key)
  if (held !== undefined && compareNotices(notice, held) <= 0) return 'known'
  set.byKey.set(key, notice)
  set.digest = undefined
  if (set.byKey.size <= set.max) return 'newer'
  const least = [...set.byKey.values()].reduce((a, b) => (outlasts(b, a) ? a : b))
  set.byKey.delete(keyOf(least))
  return least === notice ? 'full' : 'newer'
}

/** Whether a notice would change the set. */
export function isNews(set: NoticeSet, notice: Notice): boolean {
  const held = set.byKey.get(keyOf(notice))
  return held === undefined || compareNotices(notice, held) > 0
}

export function isRevoked(
  set: NoticeSet,
  { node, serial }: Pick<Certificate, 'node' | 'serial'>,
): boolean {
  const notice = set.byKey.get(`revocation ${node}`)
  return notice?.kind === 'revocation' && notice.revocation.serial >= serial
}

/** The certificate that the authority has put in place of this one, if it has. */
export function currentCertificate(set: NoticeSet, certificate: Certificate): Certificate {
  const notice = set.byKey.get(`certificate ${certificate.node}`)
  if (notice?.kind !== 'certificate') return certificate
  const issued = notice.certificate
  const sameKeys =
    issued.wireguardKey === certificate.wireguardKey && issued.probeKey === certificate.probeKey
  return sameKeys && issued.serial > certificate.serial ? issued : certificate
}

/** The serial up to which a key's delegations have been taken back. */
export function withdrawnUpTo(set: NoticeSet, key: string): number | undefined {
  const notice = set.byKey.get(`withdrawal ${key}`)
  return notice?.kind === 'withdrawal' ? notice.withdrawal.serial : undefined
}

/** Drops what a delegated authority has said that is none any more: its revocations count no more than its certificates. */
export function dropWithdrawn(set: NoticeSet, { key, serial }: Withdrawal): void {
  for (const [name, notice] of set.byKey) {
    if (!isSignedUnder(noticeEnvelope(notice), key, serial)) continue
    set.byKey.delete(name)
    set.digest = undefined
  }
}

function noticeEnvelope({ bytes: encoded }: Notice): Uint8Array {
  const parts = decodeAs(noticeSchema, encoded, NOTICE_BYTES_MAX)
  return parts.ok ? parts.value[1] : encoded
}

/** Who may reach whom; undefined: members reach members. */
export function policyOf(set: NoticeSet): Policy | undefined {
  const notice = set.byKey.get('policy')
  return notice?.kind === 'policy' ? notice.policy : undefined
}

/** Sorted by kind and subject. */
export function sortedNotices(set: NoticeSet): Notice[] {
  return [...set.byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, notice]) => notice)
}

/** Two sets with the same digest hold the same notices. 16 hex digits. */
export function noticesDigest(set: NoticeSet, crypto: Pick<Crypto, 'hash'>): string {
  set.digest ??= digestOf(set, crypto)
  return set.digest
}

/** Drops what has no meaning any more: the certificates that it is about have run out. */
export function dropLapsedNotices(set: NoticeSet, now: WallTime): void {
  for (const [key, notice] of set.byKey) {
    if (notAfterOf(notice) > now) continue
    set.byKey.delete(key)
    set.digest = undefined
  }
}

function digestOf(set: NoticeSet, crypto: Pick<Crypto, 'hash'>): string {
  const parts = sortedNotices(set).map((notice) => crypto.hash(notice.bytes))
  const all = new Uint8Array(parts.length * 32)
  for (const [i, part] of parts.entries()) all.set(part, i * 32)
  return toHex(crypto.hash(all).subarray(0, NOTICES_DIGEST_BYTES))
}

function keyOf(notice: Notice): string {
  switch (notice.kind) {
    case 'revocation':
      return `revocation ${notice.revocation.node}`
    case 'certificate':
      return `certificate ${notice.certificate.node}`
    case 'policy':
      return 'policy'
    case 'withdrawal':
      return `withdrawal ${notice.withdrawal.key}`
  }
}

function serialOf(notice: Notice): number {
  switch (notice.kind) {
    case 'revocation':
      return notice.revocation.serial
    case 'certificate':
      return notice.certificate.serial
    case 'policy':
      return notice.policy.serial
    case 'withdrawal':
      return notice.withdrawal.serial
  }
}

/** A policy holds until the next one. */
function notAfterOf(notice: Notice): number {
  switch (notice.kind) {
    case 'revocation':
      return notice.revocation.notAfter
    case 'certificate':
      return notice.certificate.notAfter
    case 'policy':
      return Infinity
    case 'withdrawal':
      return notice.withdrawal.notAfter
  }
}

/** Bytes come last and only matter if the authority says two things under one serial. */
function compareNotices(a: Notice, b: Notice): number {
  return serialOf(a) - serialOf(b) || compareText(toHex(a.bytes), toHex(b.bytes))
}

const KEPT: Readonly<Record<NoticeKind, number>> = {
  withdrawal: 3,
  policy: 2,
  revocation: 1,
  certificate: 0,
}

/** What to keep when there is no room: whose word counts, the policy, revocations, and then what matters for longer. */
function outlasts(a: Notice, b: Notice): boolean {
  if (a.kind !== b.kind) return KEPT[a.kind] > KEPT[b.kind]
  const [one, other] = [notAfterOf(a), notAfterOf(b)]
  return one === other ? keyOf(a) > keyOf(b) : one > other
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
