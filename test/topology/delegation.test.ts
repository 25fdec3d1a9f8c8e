// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { toHex } from '../../nat/hex.ts'
import { wallTime } from '../../nat/clock.ts'
import type { Trust } from '../../topology/authority-signature.ts'
import { signCertificate, verifyCertificate } from '../../topology/certificate-codec.ts'
import type { Signer } from '../../topology/crypto.ts'
import {
  type Delegation,
  signDelegation,
  signWithdrawal,
  verifyDelegation,
  verifyWithdrawal,
} from '../../topology/delegation.ts'
import { encodeCanonical, decodeCanonical } from '../../topology/canonical-cbor.ts'
import { ENVELOPE_BYTES_MAX } from '../../topology/envelope.ts'
import { signGrant, verifyGrant } from '../../topology/grant.ts'
import {
  acceptNotice,
  createNoticeSet,
  dropWithdrawn,
  encodeNotice,
  openNotice,
  withdrawnUpTo,
} from '../../topology/notice.ts'
import { signPolicy, verifyPolicy } from '../../topology/policy-codec.ts'
import { signRevocation, verifyRevocation } from '../../topology/revocation.ts'
import { verifyRecord } from '../../topology/record-codec.ts'
import { alterations, truncations } from './mutation.ts'
import {
  delegationOf as sampleDelegation,
  authority as root,
  certificateOf,
  grantOf,
  network,
  NOW,
  policyOf,
  recordOf,
  signer,
} from './sample-network.ts'

const YEAR_MS = 365 * 86_400_000
const plain = signer(50)

/** From a moment ago, for a year. */
function delegationOf(changes: Partial<Delegation> = {}): Delegation {
  const lifetime = { notBefore: wallTime(NOW - 1), notAfter: wallTime(NOW + YEAR_MS) }
  return sampleDelegation({ ...lifetime, ...changes })
}

/** Signs under a delegation; `by` is who signed that, the root if nobody else is named. */
function delegate(changes: Partial<Delegation> = {}, by: Signer = root): Signer {
  const delegation = delegationOf(changes)
  const bytes = signDelegation(delegation, by)
  return { ...plain, delegation: { bytes, notAfter: delegation.notAfter } }
}

const revocation = {
  network: network.id,
  node: certificateOf(signer(2)).node,
  serial: 1,
  issuedAt: NOW,
  notAfter: wallTime(NOW + YEAR_MS),
}
const policy = { network: network.id, serial: 3, issuedAt: NOW, rules: [] }

/** Which of the authority's documents are believed when `by` signs them. */
function believed(by: Signer, trust: Trust = network) {
  const of = { ...network, ...trust }
  const { network: id } = certificateOf(signer(2))
  expect(id).toBe(network.id)
  return {
    certificate: verifyCertificate(
      signCertificate(certificateOf(signer(2)), by),
      of,
      nodeCrypto,
      NOW,
    ).ok,
    grant: verifyGrant(signGrant(grantOf(), by), root.publicKey, nodeCrypto).ok,
    revocation: verifyRevocation(signRevocation(revocation, by), of, nodeCrypto).ok,
    policy: verifyPolicy(signPolicy(policy, by), of, nodeCrypto).ok,
  }
}

const ALL = { certificate: true, grant: true, revocation: true, policy: true }
const NONE = { certificate: false, grant: false, revocation: false, policy: false }

describe('a delegated authority', () => {
  test('is believed as the root is', () => {
    expect(believed(root)).toEqual(ALL)
    expect(believed(delegate())).toEqual(ALL)
  })

  test('is believed within its scope only', () => {
    const admit = { certificate: true, grant: true, revocation: false, policy: false }
    expect(believed(delegate({ scope: ['admit'] }))).toEqual(admit)
    expect(believed(delegate({ scope: ['revoke'] }))).toEqual({ ...NONE, revocation: true })
    expect(believed(delegate({ scope: ['policy'] }))).toEqual({ ...NONE, policy: true })
    expect(believed(delegate({ scope: [] }))).toEqual(NONE)
  })

  test('signs nothing that holds for longer than its right, and nothing from before it', () => {
    expect(believed(delegate({ notAfter: wallTime(NOW + 1_000) }))).toMatchObject({
      certificate: false,
      grant: false,
    })
    expect(believed(delegate({ notAfter: wallTime(NOW - 1) }))).toEqual(NONE)
    expect(believed(delegate({ notBefore: wallTime(NOW + 1) }))).toEqual(NONE)
  })

  test('is none for another key, of another network, or if another than the root says so', () => {
    expect(believed(delegate({ key: toHex(signer(51).publicKey) }))).toEqual(NONE)
    expect(believed(delegate({ network: 'ab'.repeat(16) as never }))).toEqual(NONE)
    expect(believed(delegate({}, signer(51)))).toEqual(NONE)
    expect(believed(plain)).toEqual(NONE)
  })

  test('cannot delegate', () => {
    const second = delegationOf({ key: toHex(signer(51).publicKey) })
    expect(() => signDelegation(second, delegate())).toThrow(RangeError)
    const bytes = signDelegation(second, plain)
    expect(verifyDelegation(bytes, network, nodeCrypto).ok).toBe(false)
    expect(believed({ ...signer(51), delegation: { bytes, notAfter: NOW } })).toEqual(NONE)
  })

  test('is none any more once the root has withdrawn it; a later delegation of the key counts again', () => {
    const trust = { ...network, withdrawnUpTo: () => 7 }
    const sealed = signCertificate(certificateOf(signer(2)), delegate())
    const read = verifyCertificate(sealed, trust, nodeCrypto, NOW)
    expect(read).toEqual({ ok: false, error: 'withdrawn' })
    expect(believed(delegate(), trust)).toEqual({ ...NONE, grant: true })
    expect(believed(delegate({ serial: 8 }), trust)).toEqual(ALL)
    expect(believed(root, trust)).toEqual(ALL)
  })
})

test('nobody can hang a delegation on what a node or the root has signed', () => {
  const delegation = signDelegation(delegationOf(), root)
  const hang = (sealed: Uint8Array) => {
    const parts = decodeCanonical(sealed, 8_192)
    if (!parts.ok) throw new Error(parts.error)
    return encodeCanonical([...(parts.value as Uint8Array[]), delegation])
  }
  const record = recordOf(signer(2)).bytes
  expect(verifyRecord(record, network, nodeCrypto, NOW).ok).toBe(true)
  expect(verifyRecord(hang(record), network, nodeCrypto, NOW).ok).toBe(false)
  expect(verifyPolicy(policyOf(), network, nodeCrypto).ok).toBe(true)
  expect(verifyPolicy(hang(policyOf()), network, nodeCrypto).ok).toBe(false)
})

test('what a withdrawn authority said is dropped: its revocations count no more than its certificates', () => {
  const set = createNoticeSet()
  const take = (kind: 'revocation' | 'policy' | 'withdrawal', envelope: Uint8Array) => {
    const trust = { ...network, withdrawnUpTo: (key: string) => withdrawnUpTo(set, key) }
    const notice = openNotice(encodeNotice(kind, envelope), trust, nodeCrypto, NOW)
    if (notice.ok) acceptNotice(set, notice.value)
    return notice
  }
  const spiteful = signRevocation(revocation, delegate())
  expect(take('revocation', spiteful).ok).toBe(true)
  expect(take('policy', signPolicy(policy, root)).ok).toBe(true)
  const withdrawal = {
    network: network.id,
    key: toHex(plain.publicKey),
    serial: 7,
    notAfter: wallTime(NOW + YEAR_MS),
  }
  expect(take('withdrawal', signWithdrawal(withdrawal, plain)).ok).toBe(false)
  expect(take('withdrawal', signWithdrawal(withdrawal, root)).ok).toBe(true)
  dropWithdrawn(set, withdrawal)
  expect([...set.byKey.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'policy',
    `withdrawal ${withdrawal.key}`,
  ])
  expect(take('revocation', spiteful)).toEqual({ ok: false, error: 'withdrawn' })
})

describe.each([
  ['delegation', signDelegation(delegationOf(), root), verifyDelegation],
  [
    'withdrawal',
    signWithdrawal({ network: network.id, key: '0a'.repeat(32), serial: 1, notAfter: NOW }, root),
    verifyWithdrawal,
  ],
] as const)('a %s', (kind, sealed, verify) => {
  test('is read as it was written, and fits its bound at its largest', () => {
    expect(verify(sealed, network, nodeCrypto).ok).toBe(true)
    expect(sealed.length).toBeLessThan(ENVELOPE_BYTES_MAX[kind])
  })

  test('that was cut short or altered is refused, and random bytes never throw', () => {
    for (const broken of [...truncations(sealed), ...alterations(sealed)])
      expect(verify(broken, network, nodeCrypto).ok).toBe(false)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        expect(verify(random, network, nodeCrypto).ok).toBe(false)
      }),
    )
  })
})
