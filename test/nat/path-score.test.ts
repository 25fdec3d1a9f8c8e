// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePaths, orderPaths, type PathQuality, shouldReplace } from '../../nat/path-score.ts'
import { at } from './literal.ts'

function path(host: number, quality: Partial<PathQuality> = {}): PathQuality {
  return { endpoint: at(`198.51.100.${host}:5`), up: true, rttMs: 20, lossPermille: 0, ...quality }
}

const anyPath = fc
  .record({
    host: fc.integer({ min: 1, max: 9 }),
    up: fc.boolean(),
    rttMs: fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { nil: undefined }),
    lossPermille: fc.integer({ min: 0, max: 1_000 }),
  })
  .map(({ host, ...quality }) => path(host, quality))

describe('the order of paths', () => {
  it.each([
    [
      'alive before dead',
      path(1, { up: false, rttMs: 1 }),
      path(2, { rttMs: 300, lossPermille: 900 }),
    ],
    [
      'less loss before a shorter round trip',
      path(1, { lossPermille: 60, rttMs: 1 }),
      path(2, { rttMs: 300 }),
    ],
    ['a shorter round trip', path(1, { rttMs: 21 }), path(2, { rttMs: 20 })],
    ['measured before unmeasured', path(1, { rttMs: undefined }), path(2, { rttMs: 400 })],
    ['an order that never changes', path(2), path(1)],
    [
      'that order also among unmeasured ones',
      path(2, { rttMs: undefined }),
      path(1, { rttMs: undefined }),
    ],
  ])('prefers %s', (_name, worse, better) => {
    expect(orderPaths([worse, better], undefined)).toEqual([better, worse])
    expect(orderPaths([better, worse], undefined)).toEqual([better, worse])
  })

  it('takes losses within one step of 2 % as equal', () => {
    expect(comparePaths(path(1, { lossPermille: 19, rttMs: 10 }), path(2))).toBeLessThan(0)
    expect(comparePaths(path(1, { lossPermille: 20, rttMs: 10 }), path(2))).toBeGreaterThan(0)
  })

  it('is total: antisymmetric, transitive, and zero only for what is equal', () => {
    fc.assert(
      fc.property(anyPath, anyPath, anyPath, (a, b, c) => {
        expect(Math.sign(comparePaths(a, b)) + Math.sign(comparePaths(b, a))).toBe(0)
        if (comparePaths(a, b) <= 0 && comparePaths(b, c) <= 0)
          expect(comparePaths(a, c)).toBeLessThanOrEqual(0)
        if (comparePaths(a, b) === 0) expect(a.endpoint).toBe(b.endpoint)
      }),
    )
  })

  it('is the same for the same paths in any order, and loses none of them', () => {
    const paths = fc.uniqueArray(anyPath, { selector: (p) => p.endpoint, maxLength: 6 })
    fc.assert(
      fc.property(paths, fc.integer({ min: 1, max: 9 }), (list, incumbent) => {
        const current = at(`198.51.100.${incumbent}:5`)
        const ordered = orderPaths(list, current)
        expect(orderPaths(list.toReversed(), current)).toEqual(ordered)
        expect(new Set(ordered)).toEqual(new Set(list))
        // Once ordered, the order holds: no flapping without news.
        expect(orderPaths(list, ordered[0]?.endpoint)).toEqual(ordered)
      }),
    )
  })
})

describe('a challenger', () => {
  const incumbent = path(1, { rttMs: 100 })
  it.each([
    ['is not taken for 10 ms less', { rttMs: 90 }, false],
    ['is not taken for 20 % less', { rttMs: 80 }, false],
    ['is taken for more than both', { rttMs: 79 }, true],
    ['is not taken for being slower', { rttMs: 400 }, false],
    ['is not taken unmeasured', { rttMs: undefined }, false],
    ['is not taken dead', { rttMs: 1, up: false }, false],
    ['is not taken with more loss', { rttMs: 1, lossPermille: 50 }, false],
  ])('%s', (_name, quality, taken) => {
    expect(shouldReplace(incumbent, path(2, quality))).toBe(taken)
  })

  it('needs more than 10 ms where 20 % is less than that', () => {
    const near = path(1, { rttMs: 12 })
    expect(shouldReplace(near, path(2, { rttMs: 2 }))).toBe(false)
    expect(shouldReplace(near, path(2, { rttMs: 1.9 }))).toBe(true)
  })

  it('does not take over for a loss that chance makes of two paths alike', () => {
    expect(shouldReplace(path(1, { lossPermille: 94 }), path(2, { lossPermille: 31 }))).toBe(false)
    expect(shouldReplace(path(1, { lossPermille: 150 }), path(2, { lossPermille: 80 }))).toBe(false)
  })

  it('takes over from a path that loses packets or is down', () => {
    expect(shouldReplace(path(1, { lossPermille: 100 }), path(2, { rttMs: 400 }))).toBe(true)
    expect(shouldReplace(path(1, { up: false }), path(2, { rttMs: 400, lossPermille: 900 }))).toBe(
      true,
    )
  })
})
