// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant } from '../../nat/clock.ts'
import { createPathMtu, measured, measureDue, verifySoon } from '../../nat/path-mtu.ts'

const CEILING = 1420

/** A path that swallows what is larger than it carries, or says so. */
function measuredPath(options: {
  carries: number
  ceiling?: number
  tells?: boolean
  /** What the kernel says instead, once a packet is lost. */
  remembers?: number
}) {
  const path = createPathMtu(options.ceiling ?? CEILING, instant(0))
  const world = { carries: options.carries, nowMs: 0, asked: [] as number[] }
  const run = (untilMs: number) => {
    while (path.askAt !== undefined && path.askAt <= untilMs) {
      world.nowMs = Math.max(world.nowMs, path.askAt)
      const size = measureDue(path, instant(world.nowMs))
      if (size === undefined) throw new Error('nothing is due at its deadline')
      world.asked.push(size)
      const fits = size <= world.carries
      world.nowMs += fits ? 20 : 500
      if (fits) measured(path, { kind: 'carried' }, instant(world.nowMs))
      else if (options.tells === true || options.remembers !== undefined) {
        const mtu = options.remembers ?? world.carries
        measured(path, { kind: 'too-large', mtu }, instant(world.nowMs))
      } else measured(path, { kind: 'lost' }, instant(world.nowMs))
    }
    world.nowMs = untilMs
  }
  return { path, world, run }
}

describe('what a path carries', () => {
  it('is the base until it is proven, and one round trip later the most if that gets through', () => {
    const { path, world, run } = measuredPath({ carries: 9_000 })
    expect(path.carried).toBe(1280)
    run(100)
    expect(path.carried).toBe(CEILING)
    expect(world.asked).toEqual([CEILING])
  })

  it.each([
    [1419, 1408],
    [1400, 1392],
    [1340, 1328],
    [1280, 1280],
    [1279, 1264],
    [1200, 1200],
    [1152, 1152],
  ])('is found where no more than %i bytes get through: %i', (carries, found) => {
    const { path, world, run } = measuredPath({ carries })
    run(30_000)
    expect(path.carried).toBe(found)
    expect(world.asked.length).toBeLessThan(20)
  })

  it('is looked for next where a hop says that it carries it', () => {
    const { path, world, run } = measuredPath({ carries: 1372, tells: true })
    run(5_000)
    expect(path.carried).toBe(1360)
    expect(world.asked.slice(0, 4)).toEqual([CEILING, CEILING, CEILING, 1360])
    expect(world.asked.length).toBeLessThan(20)
  })

  it('is found although what is known of a hop is of another time', () => {
    const { path, run } = measuredPath({ carries: 1400, remembers: 1303 })
    run(30_000)
    expect(path.carried).toBe(1392)
  })

  it('is never more than what came back, nor less than a step below what could have', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1152, max: 9_000 }),
        fc.integer({ min: 1280, max: 9_000 }),
        fc.boolean(),
        (carries, ceiling, tells) => {
          const { path, run } = measuredPath({ carries, ceiling, tells })
          run(120_000)
          expect(path.carried).toBeLessThanOrEqual(Math.min(carries, ceiling))
          expect(path.carried).toBeGreaterThan(Math.min(carries, ceiling) - 17)
        },
      ),
    )
  })

  it('falls back within seconds where the way shrinks under traffic, and is found anew', () => {
    const { path, world, run } = measuredPath({ carries: 1500 })
    run(1_000)
    world.carries = 1340
    for (let ms = 2_000; ms <= 8_000; ms += 2_000) {
      verifySoon(path, instant(world.nowMs))
      run(ms)
    }
    expect(path.carried).toBeLessThanOrEqual(1340)
    run(20_000)
    expect(path.carried).toBe(1328)
  })

  it('is looked for again after ten minutes where it was less than the most', () => {
    const { path, world, run } = measuredPath({ carries: 1340 })
    run(20_000)
    expect(path.carried).toBe(1328)
    world.carries = 1500
    run(599_000)
    expect(path.carried).toBe(1328)
    run(640_000)
    expect(path.carried).toBe(CEILING)
  })

  it('is asked seldom on a path without traffic', () => {
    const { world, run } = measuredPath({ carries: 1500 })
    run(3_600_000)
    expect(world.asked.length).toBeLessThanOrEqual(7)
  })

  it('is not judged by a path that carries nothing at all', () => {
    const { path, world, run } = measuredPath({ carries: 0 })
    run(20_000)
    expect(path.carried).toBe(1280)
    world.carries = 1500
    run(60_000)
    expect(path.carried).toBe(CEILING)
  })

  it('stands while nobody can be asked', () => {
    const { path, run } = measuredPath({ carries: 1500 })
    run(1_000)
    verifySoon(path, instant(6_000))
    expect(measureDue(path, instant(6_000))).toBe(CEILING)
    expect(measured(path, { kind: 'unasked' }, instant(6_000))).toBe(false)
    expect(path.carried).toBe(CEILING)
    run(20_000)
    expect(path.carried).toBe(CEILING)
  })
})
