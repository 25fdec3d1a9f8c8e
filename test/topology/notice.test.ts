// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { wallTime } from '../../nat/clock.ts'
import { encodeCanonical } from '../../topology/canonical-cbor.ts'
import type { Certificate } from '../../topology/certificate.ts'
import { signCertificate } from '../../topology/certificate-codec.ts'
import { nodeIdOf } from '../../topology/identity.ts'
import {
  acceptNotice,
  createNoticeSet,
  currentCertificate,
  dropLapsedNotices,
  encodeNotice,
  isNews,
  isRevoked,
  type Notice,
  NOTICE_BYTES_MAX,
  noticesDigest,
  type NoticeSet,
  openNotice,
  sortedNotices,
} from '../../topology/notice.ts'
import { signRevocation } from '../../topology/revocation.ts'
import { alterations, truncations } from './mutation.ts'
import {
  authority,
  certificateOf,
  largestLists,
  network,
  networkOf,
  NOW,
  revocationOf,
  signer,
} from './sample-network.ts'

const node = signer(2)

function opened(bytes: Uint8Array): Notice {
  const notice = openNotice(bytes, network, nodeCrypto, NOW)
  if (!notice.ok) throw new Error(notice.error)
  return notice.value
}

const revocation = (letter: number, changes = {}) =>
  opened(encodeNotice('revocation', revocationOf(signer(letter), changes)))

const certificate = (letter: number, changes: Partial<Certificate> = {}) => {
  const sealed = signCertificate(certificateOf(signer(letter), changes), authority)
  return opened(encodeNotice('certificate', sealed))
}

/** What a set holds, in brief. */
const contentOf = (set: NoticeSet) => noticesDigest(set, nodeCrypto)

describe('a notice', () => {
  const samples = [
    encodeNotice('revocation', revocationOf(node)),
    encodeNotice('certificate', signCertificate(certificateOf(node), authority)),
  ]

  test('that was cut short or altered is refused', () => {
    for (const whole of samples) {
      for (const broken of [...truncations(whole), ...alterations(whole)])
        expect(openNotice(broken, network, nodeCrypto, NOW).ok).toBe(false)
    }
  })

  test('of another authority, another network or another kind is refused', () => {
    const foreign = signRevocation(
      {
        network: network.id,
        node: nodeIdOf(node.publicKey),
        serial: 1,
        issuedAt: NOW,
        notAfter: NOW,
      },
      signer(7),
    )
    const fault = (bytes: Uint8Array, of = network) => {
      const notice = openNotice(bytes, of, nodeCrypto, NOW)
      return notice.ok ? 'accepted' : notice.error
    }
    expect(fault(encodeNotice('revocation', foreign))).toBe('bad-signature')
    expect(fault(samples[0]!, networkOf(signer(7)))).toBe('wrong-network')
    // The same bytes under another name.
    expect(fault(encodeNotice('certificate', revocationOf(node)))).toBe('malformed')
    expect(fault(encodeCanonical(['rumour', revocationOf(node)]))).toBe('malformed')
    expect(fault(new Uint8Array(NOTICE_BYTES_MAX + 1))).toBe('too-large')
  })

  test('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(openNotice(bytes, network, nodeCrypto, NOW).ok).toBe(false)
      }),
    )
  })

  test('has room for the largest certificate', () => {
    expect(certificate(2, largestLists()).bytes.length).toBeLessThanOrEqual(NOTICE_BYTES_MAX)
  })
})

describe('a set of notices', () => {
  test('holds the same in whatever order and however often they come', () => {
    const some = [
      revocation(2),
      revocation(2, { serial: 5 }),
      revocation(3, { serial: 2 }),
      certificate(4, { serial: 7 }),
      certificate(4, { serial: 8, tags: ['db'] }),
    ]
    const whole = createNoticeSet()
    for (const notice of some) acceptNotice(whole, notice)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: some.length - 1 })), (order) => {
        const set = createNoticeSet()
        for (const i of [...order, ...some.keys()]) acceptNotice(set, some[i]!)
        expect(contentOf(set)).toBe(contentOf(whole))
      }),
    )
    expect(whole.byKey.size).toBe(3)
  })

  test('takes back certificates up to a serial, and not the one of a node that came back', () => {
    const set = createNoticeSet()
    const { node: id } = certificateOf(node)
    expect(isRevoked(set, { node: id, serial: 1 })).toBe(false)
    expect(acceptNotice(set, revocation(2, { serial: 3 }))).toBe('newer')
    expect(acceptNotice(set, revocation(2, { serial: 2 }))).toBe('known')
    expect([1, 3, 4].map((serial) => isRevoked(set, { node: id, serial }))).toEqual([
      true,
      true,
      false,
    ])
  })

  test('puts a newer certificate in the place of an older one of the same keys only', () => {
    const set = createNoticeSet()
    const old = certificateOf(node, { serial: 4 })
    expect(currentCertificate(set, old)).toBe(old)
    acceptNotice(set, certificate(2, { serial: 5, tags: [] }))
    expect(currentCertificate(set, old)).toMatchObject({ serial: 5, tags: [] })
    const later = certificateOf(node, { serial: 6 })
    expect(currentCertificate(set, later)).toBe(later)
    const rotated = { ...old, wireguardKey: old.probeKey }
    expect(currentCertificate(set, rotated)).toBe(rotated)
  })

  test('is bounded: revocations stay before certificates, and what matters for longer', () => {
    const set = createNoticeSet(2)
    const at = (days: number) => ({ notAfter: wallTime(NOW + days * 86_400_000) })
    acceptNotice(set, certificate(2, at(30)))
    acceptNotice(set, revocation(3, at(1)))
    expect(acceptNotice(set, revocation(4, at(9)))).toBe('newer')
    expect(acceptNotice(set, certificate(5, at(30)))).toBe('full')
    expect(acceptNotice(set, revocation(6, at(0)))).toBe('full')
    expect(set.byKey.size).toBe(2)
    expect(sortedNotices(set).every(({ kind }) => kind === 'revocation')).toBe(true)
  })

  test('forgets what is about certificates that have run out', () => {
    const set = createNoticeSet()
    const notice = revocation(2)
    acceptNotice(set, notice)
    const before = contentOf(set)
    dropLapsedNotices(set, NOW)
    expect(contentOf(set)).toBe(before)
    dropLapsedNotices(set, certificateOf(node).notAfter)
    expect(set.byKey.size).toBe(0)
    expect(contentOf(set)).not.toBe(before)
    expect(isNews(set, notice)).toBe(true)
  })
})
