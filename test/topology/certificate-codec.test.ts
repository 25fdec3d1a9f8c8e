// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { wallTime } from '../../nat/clock.ts'
import { fromHex } from '../../nat/hex.ts'
import { decodeCanonical, encodeCanonical, type CborValue } from '../../topology/canonical-cbor.ts'
import {
  readCertificate,
  signCertificate,
  verifyCertificate,
} from '../../topology/certificate-codec.ts'
import { openEnvelope, sealEnvelope } from '../../topology/envelope.ts'
import { alterations, truncations } from './mutation.ts'
import {
  authority,
  certificateOf,
  largestLists,
  network,
  networkOf,
  NOW,
  signer,
} from './sample-network.ts'

const node = signer(2)
const verify = (bytes: Uint8Array, now = NOW) => verifyCertificate(bytes, network, nodeCrypto, now)
const refused = (error: string) => ({ ok: false, error })

/** The certificate's payload with some keys put in place of others, signed by the authority. */
function resigned(change: (payload: Record<string, CborValue>) => void): Uint8Array {
  const opened = openEnvelope('certificate', signCertificate(certificateOf(node), authority))
  const decoded = opened.ok ? decodeCanonical(opened.value.payload, 2048) : opened
  if (!decoded.ok) throw new Error(decoded.error)
  const payload = decoded.value as Record<string, CborValue>
  change(payload)
  return sealEnvelope('certificate', encodeCanonical(payload), authority)
}

describe('a certificate', () => {
  test('says what the authority said', () => {
    const sealed = signCertificate(certificateOf(node), authority)
    expect(verify(sealed)).toEqual({ ok: true, value: certificateOf(node) })
    expect(readCertificate(sealed)).toEqual({ ok: true, value: certificateOf(node) })
  })

  test('survives the round trip whatever it grants', () => {
    const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
    const sortedSet = (item: fc.Arbitrary<string>) =>
      fc.uniqueArray(item, { maxLength: 8 }).map((items) => items.toSorted())
    const prefix = fc.integer({ min: 0, max: 255 }).map((x) => `192.168.${x}.0/24`)
    fc.assert(
      fc.property(
        fc.record({
          serial: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
          name: label,
          ipv4: fc.integer({ min: 1, max: 254 }).map((host) => `10.7.3.${host}`),
          tags: sortedSet(label),
          prefixes: sortedSet(prefix),
          authority: fc.boolean(),
        }),
        (changes) => {
          const certificate = certificateOf(node, changes)
          const sealed = signCertificate(certificate, authority)
          expect(verify(sealed)).toEqual({ ok: true, value: certificate })
          expect(signCertificate(certificate, authority)).toEqual(sealed)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('has one form: tags in any order, or twice, are written sorted and once', () => {
    const tags = ['web', 'edge', 'web']
    expect(signCertificate(certificateOf(node, { tags }), authority)).toEqual(
      signCertificate(certificateOf(node), authority),
    )
  })

  test('fits its bounds with as much in it as it may hold', () => {
    const most = { ...largestLists(), name: 'n'.repeat(63), serial: Number.MAX_SAFE_INTEGER }
    const sealed = signCertificate(certificateOf(node, most), authority)
    expect(verify(sealed)).toMatchObject({ ok: true, value: most })
  })

  test('is refused when it is cut short or altered anywhere', () => {
    const sealed = signCertificate(certificateOf(node), authority)
    for (const broken of [...truncations(sealed), ...alterations(sealed)]) {
      expect(verify(broken).ok).toBe(false)
    }
  })

  test('is refused for what it is', () => {
    const sealed = signCertificate(certificateOf(node), authority)
    const { notBefore, notAfter } = certificateOf(node)
    const minutes = (count: number) => count * 60_000
    expect(verify(sealed, wallTime(notBefore - minutes(5))).ok).toBe(true)
    expect(verify(sealed, wallTime(notBefore - minutes(5) - 1))).toEqual(refused('not-yet-valid'))
    expect(verify(sealed, wallTime(notAfter - 1)).ok).toBe(true)
    expect(verify(sealed, notAfter)).toEqual(refused('expired'))
    expect(verify(signCertificate(certificateOf(node), node))).toEqual(refused('bad-signature'))
    const elsewhere = certificateOf(node, { network: networkOf(node).id })
    expect(verify(signCertificate(elsewhere, authority))).toEqual(refused('wrong-network'))
    for (const address of [{ ipv4: '10.8.0.1' }, { ipv6: 'fd00::1' }]) {
      const certificate = certificateOf(node, address)
      expect(verify(signCertificate(certificate, authority))).toEqual(refused('wrong-address'))
    }
    expect(verify(new Uint8Array(2369))).toEqual(refused('too-large'))
  })

  test('is refused with a key too many, too few, or of the wrong kind', () => {
    const broken: ((payload: Record<string, CborValue>) => void)[] = [
      (payload) => (payload['only'] = 'on-tuesdays'),
      (payload) => delete payload['tags'],
      (payload) => (payload['tags'] = ['web', 'edge']),
      (payload) => (payload['tags'] = ['web', 'web']),
      (payload) => (payload['tags'] = Array.from({ length: 13 }, (_, i) => `t${i + 10}`)),
      (payload) => (payload['prefixes'] = ['192.168.1.1/24']),
      (payload) => (payload['name'] = 'Alpha'),
      (payload) => (payload['serial'] = -1),
      (payload) => (payload['serial'] = 0),
      (payload) => (payload['node'] = new Uint8Array(31)),
      (payload) => (payload['ipv4'] = '10.7.0.1'),
      (payload) => (payload['ipv6'] = fromHex('00000000000000000000ffff0a070001')!),
      (payload) => (payload['authority'] = 0),
      (payload) => (payload['notAfter'] = null),
    ]
    for (const change of broken) {
      expect(verify(resigned(change)), change.toString()).toEqual(refused('malformed'))
    }
    expect(verify(resigned(() => {})).ok).toBe(true)
  })

  test('is no grant and no record: a signature serves one kind of document', () => {
    const opened = openEnvelope('certificate', signCertificate(certificateOf(node), authority))
    if (!opened.ok) throw new Error(opened.error)
    const asGrant = sealEnvelope('grant', opened.value.payload, authority)
    expect(verify(asGrant)).toEqual(refused('bad-signature'))
  })
})

test('no bytes make a verifier throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(verify(bytes).ok).toBe(false)
    }),
  )
})
