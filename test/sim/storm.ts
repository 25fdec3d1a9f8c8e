// SPDX-License-Identifier: Apache-2.0
/** Some hosts behind NATs that the seed draws, in weather as bad as it gets, and whether they have found each other. */
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { SeededRandom } from './seeded-random.ts'

const OPEN: readonly NatKindName[] = ['none', 'full-cone', 'restricted-cone']
const CLOSED: readonly NatKindName[] = [
  'port-restricted',
  'port-restricted-preserving',
  'masquerade',
]
const HARD: readonly NatKindName[] = ['symmetric', 'address-dependent', 'symmetric-sequential']

export interface Stormy {
  readonly cluster: Cluster
  readonly checkers: Checkers
  readonly kinds: Map<string, NatKindName>
}

export function storm(seed: number): Stormy {
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
export function apart(cluster: Cluster, kinds: ReadonlyMap<string, NatKindName>): string[] {
  return [...kinds].flatMap(([a, kindA]) =>
    [...kinds].flatMap(([b, kindB]) =>
      a < b && canMeet(kindA, kindB) && !cluster.isDirect(a, b)
        ? [`${a} ${kindA}, ${b} ${kindB}`]
        : [],
    ),
  )
}

export function views(cluster: Cluster): string[] {
  return [...cluster.nodes.values()].map((node) =>
    [...node.agent!.view.entries]
      .map(([id, { record }]) => `${id} ${record.version}`)
      .sort()
      .join(),
  )
}

/** Good weather, so that "in the end" is now. */
export function clearUp(cluster: Cluster): void {
  Object.assign(cluster.network.weather, { lossRate: 0, duplicateRate: 0 })
  Object.assign(cluster.gossip.weather, { lossRate: 0, duplicateRate: 0, jitterMs: 0 })
}
