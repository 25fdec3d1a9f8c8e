// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepaliveMs } from '../../nat/keepalive.ts'

describe('the keepalive', () => {
  it.each([
    [undefined, 25_000],
    [120_000, 25_000],
    [37_500, 25_000],
    [30_000, 20_000],
    [10_000, 6_666],
    [1_500, 1_000],
    [100, 1_000],
    [0, 1_000],
  ])('for a mapping that lives %s ms is every %i ms', (lifetimeMs, paceMs) => {
    expect(keepaliveMs(lifetimeMs)).toBe(paceMs)
  })

  it('stays in time for every mapping that lives longer than a second and a half', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_500, max: 3_600_000 }), (lifetimeMs) => {
        const pace = keepaliveMs(lifetimeMs)
        // What the helper takes (native/PROTOCOL.md): 1,000 to 600,000.
        expect(pace >= 1_000 && pace <= 25_000 && pace < lifetimeMs).toBe(true)
      }),
    )
  })
})
