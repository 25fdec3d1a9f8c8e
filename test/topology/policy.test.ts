// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import {
  admissionsOf,
  allowanceText,
  permits,
  type Policy,
  type PolicyRule,
  selects,
} from '../../topology/policy.ts'
import { isSelector, signPolicy, verifyPolicy } from '../../topology/policy-codec.ts'
import { alterations, truncations } from './mutation.ts'
import {
  authority,
  certificateOf,
  network,
  networkOf,
  NOW,
  policyOf,
  signer,
} from './sample-network.ts'

const web = { name: 'web-1', tags: ['web'] }
const db = { name: 'db', tags: ['data'] }
const other = { name: 'laptop', tags: [] }
const rules: readonly PolicyRule[] = [
  {
    from: ['tag:web'],
    to: ['db'],
    protocol: 'tcp',
    ports: [
      [5432, 5432],
      [8000, 8100],
    ],
  },
  { from: ['laptop'], to: ['*'], protocol: 'icmp', ports: [] },
]

describe('a rule', () => {
  test('selects by name, by tag, or everybody', () => {
    expect([selects('*', web), selects('web-1', web), selects('tag:web', web)]).toEqual([
      true,
      true,
      true,
    ])
    expect([selects('web', web), selects('tag:web-1', web)]).toEqual([false, false])
    expect(['*', 'a-b', 'tag:web', 'tag:', 'a b', ''].map(isSelector)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
  })

  test('permits what it names and nothing else', () => {
    const tries = [
      [web, db, 'tcp', 5432, true],
      [web, db, 'tcp', 8050, true],
      [web, db, 'tcp', 22, false],
      [web, db, 'udp', 5432, false],
      [web, db, 'tcp', undefined, true],
      [db, web, 'tcp', 5432, false],
      [other, db, 'icmp', undefined, true],
      [other, db, 'tcp', 5432, false],
    ] as const
    for (const [from, to, protocol, port, allowed] of tries)
      expect(permits(rules, from, to, { protocol, port })).toBe(allowed)
    expect(permits([], web, db, { protocol: 'any', port: undefined })).toBe(false)
  })

  test('says in words what it lets through', () => {
    expect(allowanceText(rules, web, db)).toBe('tcp 5432, 8000-8100')
    expect(allowanceText(rules, db, web)).toBe('nothing')
    const open = [{ from: ['*'], to: ['*'], protocol: 'any', ports: [] } as const]
    expect(allowanceText(open, db, web)).toBe('everything')
  })
})

test('a host lets in whom its rules name, by their addresses, whatever the order of members', () => {
  const members = [
    certificateOf(signer(2), { name: 'web-1', tags: ['web'], ipv4: '10.7.0.2' }),
    certificateOf(signer(3), { name: 'web-2', tags: ['web'], ipv4: '10.7.0.3' }),
    certificateOf(signer(4), { name: 'laptop', tags: [], ipv4: '10.7.0.4' }),
  ]
  const admissions = admissionsOf(rules, db, members)
  expect(admissions).toMatchObject([
    {
      protocol: 'tcp',
      ports: [
        [5432, 5432],
        [8000, 8100],
      ],
    },
    { protocol: 'icmp', ports: [] },
  ])
  expect(admissions[0]!.from).toHaveLength(4)
  expect(admissions[0]!.from).toEqual(expect.arrayContaining(['10.7.0.2', '10.7.0.3']))
  expect(admissionsOf(rules, db, members.toReversed())).toEqual(admissions)
  // Nobody may reach the web hosts but the laptop.
  expect(admissionsOf(rules, web, members)).toHaveLength(1)
})

describe('a signed policy', () => {
  const sealed = policyOf()

  test('is read as it was signed', () => {
    expect(verifyPolicy(sealed, network, nodeCrypto)).toMatchObject({
      ok: true,
      value: { serial: 9 },
    })
  })

  test('that was cut short, altered or signed by another is refused, and random bytes never throw', () => {
    for (const broken of [...truncations(sealed), ...alterations(sealed)])
      expect(verifyPolicy(broken, network, nodeCrypto).ok).toBe(false)
    const forged = policyOf({}, signer(7))
    expect(verifyPolicy(forged, network, nodeCrypto)).toEqual({ ok: false, error: 'bad-signature' })
    const elsewhere = policyOf({ network: networkOf(signer(7)).id })
    expect(verifyPolicy(elsewhere, network, nodeCrypto)).toMatchObject({ error: 'wrong-network' })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(verifyPolicy(bytes, network, nodeCrypto).ok).toBe(false)
      }),
    )
  })

  test('with ports for a protocol that has none, or a range that ends before it begins, is refused', () => {
    const bad: readonly PolicyRule[] = [
      { from: ['*'], to: ['*'], protocol: 'icmp', ports: [[1, 2]] },
      { from: ['*'], to: ['*'], protocol: 'tcp', ports: [[2, 1]] },
    ]
    for (const rule of bad)
      expect(verifyPolicy(policyOf({ rules: [rule] }), network, nodeCrypto)).toEqual({
        ok: false,
        error: 'malformed',
      })
  })

  test('larger than a policy may be is not signed', () => {
    const many = Array.from({ length: 128 }, (): PolicyRule => {
      const names = Array.from({ length: 16 }, (_, i) => 'a'.repeat(40 + i))
      return { from: names, to: names, protocol: 'any', ports: [] }
    })
    const policy: Policy = { network: network.id, serial: 1, issuedAt: NOW, rules: many }
    expect(() => signPolicy(policy, authority)).toThrow(RangeError)
  })
})
