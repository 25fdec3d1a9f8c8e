// SPDX-License-Identifier: Apache-2.0
/**
 * Packets and records that are lost, doubled and overtaken. Seeds that ever failed stand in failing-seeds.txt and are run first;
 * MESHGATE_SEEDS=n runs n more than usual.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { SeededRandom } from './seeded-random.ts'

const KEPT = readFileSync(new URL('failing-seeds.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^[0-9]+/.test(line))
  .map((line) => Number.parseInt(line, 10))
const NEW = Array.from({ length: Number(process.env['MESHGATE_SEEDS'] ?? 30) }, (_, i) => i + 1)

const OPEN: readonly NatKindName[] = ['none', 'full-cone', 'restricted-cone']
const CLOSED: readonly NatKindName[] = [
  'port-restricted',
  'port-restricted-preserving',
  'masquerade',
]
const HARD: readonly NatKindName[] = ['symmetric', 'address-dependent', 'symmetric-sequential']

interface Stormy {
  readonly cluster: Cluster
  readonly checkers: Checkers
  readonly kinds: Map<string, NatKindName>
}

function storm(seed: number): Stormy {
  const cluster = new Cluster(seed)
  const checkers = new Checkers(cluster)
  const random = new SeededRandom(seed, 'scenario')
  Object.assign(cluster.network.weather, { lossRate: 0.2, duplicateRate: 0.1, jitterMs: 60 })
  Object.assign(cluster.gossip.weather, { lossRate: 0.2, duplicateRate: 0.2, jitterMs: 500 })
  const hubs = [1, 2].map((i) => cluster.add(`hub-${i}`, { ips: [`198.51.100.${i}`] }))
  const kinds = new Map<string, NatKindName>(hubs.map((hub) => [hub.name, 'none']))
  for (const hub of hubs) hub.start(hubs[0])
  for (let i = 0; i < random.integer(2, 6); i++) {
    const kind = random.pick([...OPEN, ...CLOSED, ...HARD])
    const ip = kind === 'none' ? `192.0.2.${i + 1}` : `192.168.1.${random.integer(1, 3)}`
    const delayMs = random.integer(1, 80)
    const node = cluster.add(`host-${i}`, { realm: cluster.site(kind), ips: [ip], delayMs })
    kinds.set(node.name, kind)
    cluster.clock.after(random.integer(0, 20_000), () => node.start(random.pick(hubs)))
  }
  return { cluster, checkers, kinds }
}

function canMeet(a: NatKindName, b: NatKindName): boolean {
  return !(HARD.includes(a) && !OPEN.includes(b)) && !(HARD.includes(b) && !OPEN.includes(a))
}

/** Pairs that could be direct and are not. */
function apart(cluster: Cluster, kinds: ReadonlyMap<string, NatKindName>): string[] {
  return [...kinds].flatMap(([a, kindA]) =>
    [...kinds].flatMap(([b, kindB]) =>
      a < b && canMeet(kindA, kindB) && !cluster.isDirect(a, b)
        ? [`${a} ${kindA}, ${b} ${kindB}`]
        : [],
    ),
  )
}

function views(cluster: Cluster): string[] {
  return [...cluster.nodes.values()].map((node) =>
    [...node.agent!.view.entries]
      .map(([id, { record }]) => `${id} ${record.version}`)
      .sort()
      .join(),
  )
}

describe('with one packet in five lost, some doubled and many overtaken', () => {
  it.each([...KEPT, ...NEW])(
    'all see the same members and meet wherever NATs allow (seed %i)',
    (seed) => {
      const { cluster, checkers, kinds } = storm(seed)
      const { clock } = cluster
      clock.run(240_000)
      // Good weather, so that "in the end" is now.
      Object.assign(cluster.network.weather, { lossRate: 0, duplicateRate: 0 })
      Object.assign(cluster.gossip.weather, { lossRate: 0, duplicateRate: 0, jitterMs: 0 })
      // Records are signs of life and are made all the time: look at a moment when all have arrived.
      const agree = () => new Set(views(cluster)).size === 1
      expect(clock.runUntil(agree, 120_000, 50), `views differ, seed ${seed}`).toBe(true)
      clock.runUntil(() => apart(cluster, kinds).length === 0, 120_000, 50)
      expect(apart(cluster, kinds), `seed ${seed}`).toEqual([])
      checkers.finish()
    },
  )

  it('a seed repeats its run exactly', () => {
    const trace = () => {
      const { cluster, checkers } = storm(4)
      cluster.clock.run(60_000)
      const steps = [...cluster.nodes.values()].map((node) => node.steps)
      return { steps, ...checkers.effects, packets: cluster.network.packets, views: views(cluster) }
    }
    expect(trace()).toEqual(trace())
  })
})
