// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepaliveMs } from '../../nat/keepalive.ts'

describe('the keepalive', () => {
  it.each([
    [null, null, 25_000],
    [null, 66_000, 25_000],
    [66_000, 66_000, 60_000],
    [42_000, 66_000, 37_000],
    [66_000, 28_000, 23_000],
    [9_000, null, 6_000],
    [3_000, 9_000, 2_000],
    [100, null, 2_000],
  ])('where mappings live %s and %s ms is every %i ms', (ownMs, theirsMs, paceMs) => {
    expect(keepaliveMs([ownMs, theirsMs])).toBe(paceMs)
    expect(keepaliveMs([theirsMs, ownMs])).toBe(paceMs)
  })

  it('stays in time for every mapping that lives longer than two seconds', () => {
    const lifetime = fc.integer({ min: 2_001, max: 3_600_000 })
    fc.assert(
      fc.property(lifetime, lifetime, (ownMs, theirsMs) => {
        const pace = keepaliveMs([ownMs, theirsMs])
        expect(pace >= 2_000 && pace <= 60_000 && pace < Math.min(ownMs, theirsMs)).toBe(true)
      }),
    )
  })
})
