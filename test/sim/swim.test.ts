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
