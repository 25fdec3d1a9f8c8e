// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { transportAddress } from '../../nat/address.ts'
import { wallTime } from '../../nat/clock.ts'
import { ENVELOPE_BYTES_MAX, sealEnvelope } from '../../topology/envelope.ts'
import {
  type Signal,
  SIGNAL_CANDIDATES_MAX,
  SIGNAL_LIFETIME_MS,
  SIGNALS_PER_SESSION_MAX,
  signSignal,
  verifySignal,
} from '../../topology/signal.ts'
import { alterations, truncations } from './mutation.ts'
import { network, networkOf, NOW, recordOf, signalOf, signer } from './sample-network.ts'

const node = signer(2)
const verify = (bytes: Uint8Array, now = NOW) => verifySignal(bytes, network.id, nodeCrypto, now)
const refused = (changes: Partial<Signal>, by = node) => {
  const verdict = verify(signSignal(signalOf(changes), by))
  return verdict.ok ? 'accepted' : verdict.error
}

describe('a signal', () => {
  test('is read as it was signed, whatever it says', () => {
    for (const signal of [
      signalOf(),
      signalOf({ kind: 'answer', candidates: [] }),
      signalOf({ kind: 'candidates', ice: null, sequence: SIGNALS_PER_SESSION_MAX - 1 }),
    ]) {
      expect(verify(signSignal(signal, node))).toEqual({ ok: true, value: signal })
    }
  })

  test('with as many candidates as it may have, each as long as it gets, fits its bounds', () => {
    const longest = transportAddress('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 65_535)
    if (!longest.ok) throw new Error(longest.error)
    const candidate = { kind: 'server-reflexive', address: longest.value } as const
    const candidates = Array.from({ length: SIGNAL_CANDIDATES_MAX }, () => candidate)
    const ice = { ufrag: 'u'.repeat(32), password: 'p'.repeat(64), fingerprint: new Uint8Array(32) }
    const sealed = signSignal(signalOf({ candidates, ice }), node)
    expect(sealed.length).toBeLessThanOrEqual(ENVELOPE_BYTES_MAX.signal)
    expect(verify(sealed).ok).toBe(true)
  })

  test('cut short or altered anywhere is refused, and never throws', () => {
    const sealed = signSignal(signalOf(), node)
    for (const broken of truncations(sealed)) expect(verify(broken).ok).toBe(false)
    for (const altered of alterations(sealed)) expect(verify(altered).ok).toBe(false)
  })

  test('of somebody else, of another network, or to oneself is refused', () => {
    expect(refused({}, signer(4))).toBe('bad-signature')
    expect(refused({ network: networkOf(signer(9)).id })).toBe('wrong-network')
    expect(refused({ to: signalOf().from })).toBe('malformed')
  })

  test('is good for a minute by clocks that differ, and no longer', () => {
    const sealed = signSignal(signalOf(), node)
    const at = (ms: number) => verify(sealed, wallTime(NOW + ms))
    expect(at(SIGNAL_LIFETIME_MS).ok).toBe(true)
    expect(at(SIGNAL_LIFETIME_MS + 1)).toEqual({ ok: false, error: 'expired' })
    expect(at(-SIGNAL_LIFETIME_MS).ok).toBe(true)
    expect(at(-SIGNAL_LIFETIME_MS - 1)).toEqual({ ok: false, error: 'from-the-future' })
  })

  test.each([
    ['credentials with candidates alone', { kind: 'candidates' }],
    ['an offer without credentials', { ice: null }],
    ['a sequence beyond its bound', { sequence: SIGNALS_PER_SESSION_MAX }],
    ['a session that is none', { session: '0a' }],
    [
      'credentials that end their line',
      { ice: { ...signalOf().ice!, password: `${'p'.repeat(22)}\r\na=x` } },
    ],
    ['a name that is too short', { ice: { ...signalOf().ice!, ufrag: 'abc' } }],
    [
      'a fingerprint of another hash',
      { ice: { ...signalOf().ice!, fingerprint: new Uint8Array(20) } },
    ],
    ['a kind that nobody knows', { kind: 'goodbye' as never }],
    [
      'a host name for an address',
      { candidates: [{ kind: 'host', address: 'host.local:1' as never }] },
    ],
  ] satisfies [string, Partial<Signal>][])('with %s is malformed', (_, changes) => {
    expect(refused(changes)).toBe('malformed')
  })

  test('is no other document of the same node, and no other document is a signal', () => {
    expect(verify(recordOf(node).bytes).ok).toBe(false)
    expect(verify(sealEnvelope('record', new Uint8Array(8), node)).ok).toBe(false)
  })
})
