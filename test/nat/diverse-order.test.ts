// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import type { DirectWay } from '../../nat/direct-way.ts'
import { diverseOrder } from '../../nat/diverse-order.ts'

const way = (endpoint: string, socket?: number): DirectWay => ({
  endpoint: endpoint as TransportAddress,
  ...(socket !== undefined && { socket }),
})
const v4 = way('203.0.113.1:1')
const v4Again = way('203.0.113.1:2')
const v4Elsewhere = way('198.51.100.1:1')
const v6 = way('[2001:db8::1]:1')

describe('the order of direct paths behind the first one', () => {
  test('the other address family comes before more of the same', () => {
    expect(diverseOrder([v4, v4Again, v4Elsewhere, v6])).toEqual([v4, v6, v4Elsewhere, v4Again])
  })

  test('another address comes before another port of the same', () => {
    expect(diverseOrder([v4, v4Again, v4Elsewhere])).toEqual([v4, v4Elsewhere, v4Again])
  })

  test('a socket of its own comes before the one port', () => {
    const punched = way('203.0.113.1:3', 50_000)
    expect(diverseOrder([v4, v4Again, punched])).toEqual([v4, punched, v4Again])
  })

  test('keeps every way once, and the first one first', () => {
    const ways = fc.uniqueArray(fc.constantFrom(v4, v4Again, v4Elsewhere, v6))
    fc.assert(
      fc.property(ways, (given) => {
        const ordered = diverseOrder(given)
        expect(ordered[0]).toBe(given[0])
        expect(new Set(ordered)).toEqual(new Set(given))
        expect(ordered).toHaveLength(given.length)
      }),
    )
  })
})
