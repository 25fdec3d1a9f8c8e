// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { SwimWorld } from './swim-world.ts'

const SEEDS = [1, 2, 3]

describe('a hundred members with a loss of 5 %', () => {
  it.each(SEEDS)(
    'take no living one for dead, and know of a death within seconds (seed %i)',
    (seed) => {
      const world = new SwimWorld({ members: 100, lossRate: 0.05, seed })
      world.run(180_000)
      expect(world.beliefs.filter(({ life }) => life === 'failed')).toEqual([])
      const perSecond = world.bytes / 100 / (world.nowMs / 1000)
      expect(perSecond).toBeLessThan(400)

      const [victim, ...others] = world.addresses
      world.kill(victim!)
      world.run(30_000)
      for (const by of others) expect(world.lifeOf(victim!, by)).toBe('failed')

      world.revive(victim!)
      world.run(60_000)
      for (const by of others) expect(world.lifeOf(victim!, by)).toBe('alive')
    },
  )
})

describe('a split of ten and ten', () => {
  it.each(SEEDS)('is seen on both sides, and forgotten once it has healed (seed %i)', (seed) => {
    const world = new SwimWorld({ members: 20, lossRate: 0.02, seed })
    world.run(20_000)
    const left = new Set(world.addresses.slice(0, 10))
    world.cut = (from, to) => left.has(from) !== left.has(to)
    world.run(90_000)
    for (const by of world.addresses)
      for (const member of world.addresses)
        if (member !== by)
          expect(world.lifeOf(member, by)).toBe(
            left.has(by) === left.has(member) ? 'alive' : 'failed',
          )
    world.cut = () => false
    world.run(90_000)
    for (const by of world.addresses)
      for (const member of world.addresses)
        if (member !== by) expect(world.lifeOf(member, by)).toBe('alive')
  })
})

describe('ten splits of ten and ten', () => {
  // Half of all probes fail by the split, so every member takes itself for slow: it asks less often, and doubts no longer for that.
  it('are known to every member in full within a minute, and cost no one on the own side', () => {
    const knownMs: number[] = []
    for (let seed = 1; seed <= 10; seed++) {
      const world = new SwimWorld({ members: 20, lossRate: 0.02, seed })
      world.run(20_000)
      const left = new Set(world.addresses.slice(0, 10))
      const isCut = (from: string, to: string) => left.has(from) !== left.has(to)
      world.cut = isCut
      const cutMs = world.nowMs
      world.run(60_000)
      const failures = world.beliefs.filter(({ life }) => life === 'failed')
      expect(failures.filter(({ by, member }) => !isCut(by, member))).toEqual([])
      expect(new Set(failures.map(({ by, member }) => `${by} ${member}`)).size).toBe(200)
      knownMs.push(...failures.map(({ atMs }) => atMs - cutMs))
    }
    const median = knownMs.sort((a, b) => a - b)[knownMs.length / 2]
    expect(median).toBeLessThan(20_000)
  })
})
