// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { wallTime, type WallTime } from '../../nat/clock.ts'
import { encodeCanonical, decodeCanonical, type CborValue } from '../../topology/canonical-cbor.ts'
import { signCertificate } from '../../topology/certificate-codec.ts'
import { openEnvelope, sealEnvelope } from '../../topology/envelope.ts'
import { signRecord, verifyKeptRecord, verifyRecord } from '../../topology/record-codec.ts'
import { nextVersion } from '../../topology/record.ts'
import { alterations, truncations } from './mutation.ts'
import {
  address,
  authority,
  certificateOf,
  network,
  networkOf,
  NOW,
  recordOf,
  signer,
  statementOf,
} from './sample-network.ts'

const node = signer(2)
const verify = (bytes: Uint8Array, now = NOW) => verifyRecord(bytes, network, nodeCrypto, now)

/** The record's payload with some keys put in place of others, signed again. */
function resigned(change: (payload: Record<string, CborValue>) => void, by = node): Uint8Array {
  const opened = openEnvelope('record', recordOf(node).bytes)
  if (!opened.ok) throw new Error(opened.error)
  const decoded = decodeCanonical(opened.value.payload, 8192)
  if (!decoded.ok) throw new Error(decoded.error)
  const payload = decoded.value as Record<string, CborValue>
  change(payload)
  return sealEnvelope('record', encodeCanonical(payload), by)
}

describe('a record', () => {
  test('says what the node said, with its certificate', () => {
    expect(verify(recordOf(node).bytes)).toEqual({
      ok: true,
      value: { ...statementOf(), certificate: certificateOf(node) },
    })
  })

  test('is refused when it is cut short or altered anywhere', () => {
    const { bytes } = recordOf(node)
    for (const broken of [...truncations(bytes), ...alterations(bytes)]) {
      expect(verify(broken).ok).toBe(false)
    }
  })

  test('is refused when another node signed it', () => {
    const certificate = signCertificate(certificateOf(node), authority)
    const forged = signRecord(statementOf(), certificate, signer(3))
    expect(verify(forged.bytes)).toEqual({ ok: false, error: 'bad-signature' })
  })

  test('is refused with a certificate that is expired, forged or of another network', () => {
    const error = (bytes: Uint8Array, now = NOW) => {
      const verdict = verify(bytes, now)
      return verdict.ok ? undefined : verdict.error
    }
    const { notAfter } = certificateOf(node)
    expect(error(recordOf(node).bytes, notAfter)).toBe('expired')
    expect(error(recordOf(node, {}, { network: networkOf(signer(7)).id }).bytes)).toBe(
      'wrong-network',
    )
    const forged = signCertificate(certificateOf(node), signer(7))
    expect(error(signRecord(statementOf(), forged, node).bytes)).toBe('bad-signature')
  })

  test('may be a little ahead of our clock, not more', () => {
    const ahead = (ms: number) => wallTime(NOW + ms)
    const day = 86_400_000
    expect(verify(recordOf(node, { version: NOW + day, issuedAt: ahead(600_000) }).bytes).ok).toBe(
      true,
    )
    for (const statement of [{ version: NOW + day + 1 }, { issuedAt: ahead(600_001) }]) {
      expect(verify(recordOf(node, statement).bytes)).toEqual({
        ok: false,
        error: 'from-the-future',
      })
    }
  })

  test('that was kept counts where the clock is behind, and is judged as strictly otherwise', () => {
    const kept = (bytes: Uint8Array, now: WallTime) =>
      verifyKeptRecord(bytes, network, nodeCrypto, now)
    const { bytes } = recordOf(node)
    const boot = wallTime(0)
    expect(verify(bytes, boot)).toEqual({ ok: false, error: 'not-yet-valid' })
    expect(kept(bytes, boot)).toEqual(verify(bytes))
    const { notAfter } = certificateOf(node)
    expect(kept(bytes, notAfter)).toEqual({ ok: false, error: 'expired' })
    for (const broken of alterations(bytes)) expect(kept(broken, boot).ok).toBe(false)
    const late = recordOf(node, { issuedAt: notAfter }).bytes
    expect(kept(late, boot)).toEqual({ ok: false, error: 'expired' })
  })

  test('keeps as many candidates and addresses as it may hold, and no peer-reflexive ones', () => {
    const candidates = Array.from({ length: 20 }, (_, i) => ({
      kind: i === 0 ? ('peer-reflexive' as const) : ('host' as const),
      address: address(`192.0.2.${i + 1}:1000`),
    }))
    const dialAddresses = candidates.map((_, i) => `/ip4/192.0.2.${i + 1}/tcp/1`)
    const verdict = verify(recordOf(node, { candidates, dialAddresses }).bytes)
    expect(verdict.ok && verdict.value.candidates).toEqual(candidates.slice(1, 17))
    expect(verdict.ok && verdict.value.dialAddresses).toEqual(dialAddresses.slice(0, 8))
  })

  test('with more than it may hold, or something malformed in it, is refused', () => {
    const host = { kind: 'host', address: '192.0.2.1:1' }
    const broken: Record<string, CborValue>[] = [
      { candidates: Array.from({ length: 17 }, () => host) },
      { candidates: [{ kind: 'peer-reflexive', address: '192.0.2.1:1' }] },
      { candidates: [{ kind: 'host', address: '192.0.2.01:1' }] },
      { candidates: [{ kind: 'host', address: '[2001:DB8::1]:1' }] },
      { candidates: [{ ...host, more: 1 }] },
      { candidates: null },
      { dialAddresses: Array.from({ length: 9 }, () => '/ip4/192.0.2.1/tcp/1') },
      { dialAddresses: ['192.0.2.1:1'] },
      { dialAddresses: [`/ip4/${'1'.repeat(128)}`] },
      { stunServers: Array.from({ length: 5 }, () => '192.0.2.1:1') },
      { version: 0 },
      { version: 1.5 },
      { version: 2 ** 53 },
      { present: 1 },
      { nat: { mapping: 'symmetric', filtering: 'unknown', lifetimeMs: null } },
      { nat: { mapping: 'none', filtering: 'unknown' } },
      { nat: { mapping: 'none', filtering: 'unknown', lifetimeMs: 0 } },
      { certificate: new Uint8Array(2049) },
    ]
    for (const change of broken) {
      const bytes = resigned((payload) => Object.assign(payload, change))
      expect(verify(bytes), JSON.stringify(change)).toEqual({ ok: false, error: 'malformed' })
    }
  })

  test('with a fact that a later version adds is taken, without that fact', () => {
    const verdict = verify(resigned((payload) => (payload['load'] = { cpu: 3 })))
    expect(verdict).toEqual(verify(recordOf(node).bytes))
  })

  test('with a missing key, or a deep one, is refused', () => {
    let deep: CborValue = 0
    for (let i = 0; i < 2000; i++) deep = [deep]
    expect(verify(resigned((payload) => delete payload['present'])).ok).toBe(false)
    expect(verify(resigned((payload) => (payload['x'] = deep))).ok).toBe(false)
  })

  test('larger than 8 KiB is refused unread', () => {
    expect(verify(new Uint8Array(8193))).toEqual({ ok: false, error: 'too-large' })
    expect(() => resigned((payload) => (payload['x'] = 'y'.repeat(8192)))).toThrow(RangeError)
  })
})

test('versions grow, also when the clock is set back', () => {
  expect(nextVersion(5, wallTime(9))).toBe(9)
  expect(nextVersion(9, wallTime(5))).toBe(10)
  expect(nextVersion(9, wallTime(9))).toBe(10)
})
