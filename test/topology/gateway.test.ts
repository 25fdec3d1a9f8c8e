// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../topology/identity.ts'
import { heldPrefixes } from '../../topology/gateway.ts'
import { network } from './sample-network.ts'

const member = (id: string, prefixes: readonly string[], isReached = true, isDraining = false) => ({
  certificate: { node: id as NodeId, prefixes },
  isReached,
  isDraining,
})

describe('prefixes behind members', () => {
  test('belong to one member at a time: one that is reached, then the lowest id, in any order', () => {
    const [a, b, c] = [
      member('a', ['192.168.1.0/24'], false),
      member('b', ['192.168.1.0/24', '2001:db8::/32']),
      member('c', ['192.168.1.0/24', '10.200.0.0/16']),
    ]
    for (const order of [
      [a, b, c],
      [c, b, a],
    ])
      expect(Object.fromEntries(heldPrefixes(network, order))).toEqual({
        b: ['192.168.1.0/24', '2001:db8::/32'],
        c: ['10.200.0.0/16'],
      })
    const lost = [a, member('b', ['192.168.1.0/24'], false), c]
    expect(heldPrefixes(network, lost).get('c' as NodeId)).toContain('192.168.1.0/24')
  })

  test('are left to another before their gateway goes, and stay with it where there is no other', () => {
    const prefix = '192.168.1.0/24'
    const held = (...candidates: ReturnType<typeof member>[]) => [
      ...heldPrefixes(network, candidates).keys(),
    ]
    const [a, b] = [member('a', [prefix], true, true), member('b', [prefix])]
    expect(held(a, b)).toEqual(['b'])
    expect(held(b, a)).toEqual(['b'])
    expect(held(a, member('b', [prefix], false))).toEqual(['a'])
    expect(held(a, member('b', [prefix], true, true))).toEqual(['a'])
  })

  test('are never those of the mesh, not even a part of them; everything else may be', () => {
    const greedy = member('a', [network.ipv4Prefix, '10.7.0.2/32', '10.0.0.0/8', '0.0.0.0/0'])
    const ipv6 = member('b', [network.ipv6Prefix, 'fc00::/7', '::/0'])
    expect([...heldPrefixes(network, [greedy, ipv6])]).toEqual([
      ['a', ['0.0.0.0/0']],
      ['b', ['::/0']],
    ])
  })
})
