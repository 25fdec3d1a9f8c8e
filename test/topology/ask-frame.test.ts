// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import {
  ASK_BYTES_MAX,
  decodeAsk,
  decodeTold,
  encodeAsk,
  encodeTold,
  type PeerView,
  type Told,
  TOLD_BYTES_MAX,
} from '../../topology/ask-frame.ts'
import { type CborValue, encodeCanonical } from '../../topology/canonical-cbor.ts'
import { CANDIDATES_MAX } from '../../topology/record.ts'
import { alterations, truncations } from './mutation.ts'
import { address } from './sample-network.ts'

const view: PeerView = {
  nat: { mapping: 'address-and-port-dependent', filtering: 'unknown', lifetimeMs: 30_000 },
  evidence: '198.51.100.1:41820 saw 203.0.113.5:40001, 198.51.100.2:41820 saw 203.0.113.5:52847',
  candidates: [{ kind: 'relayed', address: address('198.51.100.9:50000') }],
  path: { kind: 'relay', via: 'hub', endpoint: null, rttUs: 41_250, lossPermille: 3 },
  attempts: [
    {
      address: address('203.0.113.7:41820'),
      kind: 'peer-reflexive',
      outcome: 'no answer',
      rttUs: null,
    },
  ],
  sentence: 'relayed over hub: both NATs give each destination a new port',
  remedies: ["forward UDP 41820 on bob's router"],
}

const told = (changes: Partial<PeerView> = {}): Told => ({
  kind: 'why',
  view: { ...view, ...changes },
})

describe('a question and its answer', () => {
  test('are read as they were written', () => {
    expect(decodeAsk(encodeAsk({ kind: 'why' }))).toEqual({ ok: true, value: { kind: 'why' } })
    for (const one of [told(), { kind: 'fault', fault: 'busy' } as const])
      expect(decodeTold(encodeTold(one))).toEqual({ ok: true, value: one })
  })

  test('cut short are refused, and whatever is altered in them never throws', () => {
    for (const broken of truncations(encodeAsk({ kind: 'why' })))
      expect(decodeAsk(broken).ok).toBe(false)
    const whole = encodeTold(told())
    for (const broken of truncations(whole)) expect(decodeTold(broken).ok).toBe(false)
    for (const altered of alterations(whole)) decodeTold(altered)
    for (const altered of alterations(encodeAsk({ kind: 'why' }))) decodeAsk(altered)
  })

  test('hold as much as they may, and of a larger view as much as fits', () => {
    const long = 'w'.repeat(5_000)
    const many = <T>(one: T) => Array.from({ length: 100 }, () => one)
    const longest = address('[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535')
    const bytes = encodeTold(
      told({
        evidence: long,
        sentence: long,
        remedies: many(long),
        candidates: many({ kind: 'server-reflexive', address: longest }),
        attempts: many({ ...view.attempts[0]!, address: longest }),
      }),
    )
    expect(bytes.length).toBeLessThanOrEqual(TOLD_BYTES_MAX)
    const read = decodeTold(bytes)
    if (!read.ok || read.value.kind !== 'why') throw new Error('not read')
    expect(read.value.view.candidates).toHaveLength(CANDIDATES_MAX)
  })

  test.each([
    ['text that would write on a terminal', { sentence: '\u001b[2J' }],
    ['more than one line of text', { remedies: ['one\ntwo'] }],
    [
      'a host name for an address',
      { attempts: [{ ...view.attempts[0]!, address: 'a:1' as never }] },
    ],
    [
      'an outcome that nobody knows',
      { attempts: [{ ...view.attempts[0]!, outcome: 'x' as never }] },
    ],
    ['a round trip that never ends', { path: { ...view.path, rttUs: 1e12 } }],
    ['a kind of path that nobody knows', { path: { ...view.path, kind: 'pigeon' as never } }],
  ] satisfies [string, Partial<PeerView>][])('with %s are malformed', (_, changes) => {
    expect(decodeTold(encodeTold(told(changes)))).toEqual({ ok: false, error: 'malformed' })
  })

  test.each([
    ['nothing', []],
    ['another question', ['where']],
    ['more than a question', ['why', 'why']],
    ['a map', { why: true }],
    ['too much', ['w'.repeat(ASK_BYTES_MAX)]],
  ] satisfies [string, CborValue][])('%s is no question', (_, value) => {
    expect(decodeAsk(encodeCanonical(value)).ok).toBe(false)
  })
})
