// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { capabilities, type Capability, expectedPath } from '../../netns-lab/expected-grid.ts'
import { natKindNames } from '../../netns-lab/nat-kinds.ts'

const all = new Set<Capability>(capabilities)
const plain = new Set<Capability>()
const pairs = natKindNames.flatMap((a) => natKindNames.map((b) => [a, b] as const))

test('it does not matter which host is which', () => {
  for (const has of [plain, all])
    for (const [a, b] of pairs) expect(expectedPath(a, b, has)).toEqual(expectedPath(b, a, has))
})

test('a capability never makes a pair worse', () => {
  const rank = { direct: 2, relay: 1, none: 0 }
  const worst = (a: (typeof pairs)[number], has: ReadonlySet<Capability>) =>
    Math.min(...expectedPath(a[0], a[1], has).paths.map((path) => rank[path]))
  for (const capability of capabilities)
    for (const pair of pairs)
      expect(worst(pair, new Set([capability]))).toBeGreaterThanOrEqual(worst(pair, plain))
})

test('with everything no pair is left without a path, and without hubs only a pool may be that meets a network without UDP', () => {
  const withoutHubs = new Set(capabilities.filter((capability) => capability !== 'relay'))
  const isBlocked = (kind: string) => kind.startsWith('udp-')
  for (const [a, b] of pairs) {
    expect(expectedPath(a, b, all).paths).not.toContain('none')
    if (isBlocked(a) || isBlocked(b)) {
      const isLeft = a === 'address-pool' || b === 'address-pool'
      expect(expectedPath(a, b, withoutHubs).paths.includes('none')).toBe(isLeft)
    }
  }
})

test('a search opens what plain punching leaves shut, and only relays help where both sides are hard', () => {
  const birthday = new Set<Capability>(['birthday'])
  expect(expectedPath('symmetric', 'port-restricted', plain).paths).toEqual(['none'])
  expect(expectedPath('symmetric', 'port-restricted', birthday).paths).toEqual(['direct'])
  expect(expectedPath('symmetric', 'symmetric', birthday).paths).toEqual(['none'])
  expect(expectedPath('symmetric', 'symmetric', all).paths).toEqual(['relay'])
  const prediction = new Set<Capability>(['prediction'])
  expect(expectedPath('symmetric-sequential', 'firewall', prediction).paths).toEqual(['direct'])
  expect(expectedPath('symmetric', 'firewall', prediction).paths).toEqual(['none'])
})
