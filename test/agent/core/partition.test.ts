// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { partitionOf } from '../../../agent/core/partition.ts'
import type { Liveness } from '../../../agent/core/status.ts'
import { createSwim } from '../../../topology/swim-group.ts'
import { link, oneNode } from './one-node.ts'

/** A node among nine others, `self` being the only authority unless `authorities` says otherwise. */
function among(lives: readonly Liveness[], { authorities = 0, periods = 100 } = {}) {
  const world = oneNode()
  world.connect([link('eth0', '192.168.1.10/24')])
  const lifeOf = new Map<string, Liveness>()
  for (const [i, life] of lives.entries()) {
    const peer = world.membership.admit(`peer-${i}`, { authority: i < authorities })
    world.hear(world.recordOf(peer))
    lifeOf.set(peer.certificate.node, life)
  }
  const { ipv4 } = world.self.certificate
  world.node.swim = { ...createSwim(ipv4, 1, world.now().instant), periods }
  return partitionOf(world.node, (peer) => lifeOf.get(peer.node) ?? 'unknown', world.now())
}

const lives = (alive: number, other: Liveness, count: number): Liveness[] => [
  ...Array.from({ length: alive }, (): Liveness => 'alive'),
  ...Array.from({ length: count }, () => other),
]

describe('a partition', () => {
  it('is none while most members are seen, or one of a few is off', () => {
    expect(among(lives(9, 'failed', 0))).toBeNull()
    expect(among(lives(1, 'failed', 1))).toBeNull()
    expect(among(lives(20, 'failed', 3))).toBeNull()
    expect(among(lives(2, 'suspect', 7))).toBeNull()
  })

  it('is said with how many members are not seen, the authority being on this side', () => {
    expect(among(lives(4, 'failed', 5))).toMatchObject({
      quorumLost: false,
      sentence: 'partitioned: 5 of 10 members unseen',
    })
  })

  it('tells that the authority quorum is lost if most authorities are on the other side', () => {
    const split: Liveness[] = ['failed', 'failed', 'alive', 'alive']
    expect(among(split, { authorities: 2 })).toMatchObject({
      authorities: 3,
      authoritiesSeen: 1,
      quorumLost: true,
      sentence: 'partitioned: 2 of 5 members unseen, authority quorum lost',
    })
  })

  it('is not taken for one that nobody has been heard of yet, right after the start', () => {
    expect(among(lives(0, 'unknown', 9), { periods: 5 })).toBeNull()
    expect(among(lives(0, 'unknown', 9), { periods: 20 })).not.toBeNull()
  })
})
