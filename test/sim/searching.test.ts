// SPDX-License-Identifier: Apache-2.0
/** Pairs that plain punching leaves relayed: searches through hard NATs, and what they cost. */
import { describe, expect, it } from 'vitest'
import type { NodeConfig } from '../../agent/core/config.ts'
import type { Effect } from '../../agent/core/effect.ts'
import { RUN_SOCKETS, SEARCHES_PER_EPOCH_MAX, SWEEP_PROBES } from '../../nat/search/constants.ts'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { hostBehind } from './expected-paths.ts'

/** The first one of whose ports two that were seen lie close together. */
const SEED_OF_NEIGHBOURS = 19

type Search = Extract<Effect, { kind: 'search' }>['search']

interface Pair {
  readonly cluster: Cluster
  readonly checkers: Checkers
  /** By host, in order. */
  readonly searches: Map<string, Search[]>
}

function pair(
  a: NatKindName,
  b: NatKindName,
  { seed = 1, config = {} }: { seed?: number; config?: Partial<NodeConfig> } = {},
): Pair {
  const cluster = new Cluster(seed)
  const checkers = new Checkers(cluster)
  const searches = new Map<string, Search[]>()
  cluster.witnesses.push({
    onStep: (node, _event, effects) => {
      for (const effect of effects)
        if (effect.kind === 'search')
          searches.set(node.name, [...(searches.get(node.name) ?? []), effect.search])
    },
  })
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hub.start()
  hostBehind(cluster, a, 'a').start(hub)
  hostBehind(cluster, b, 'b', config).start(hub)
  return { cluster, checkers, searches }
}

/** How long it took, or undefined. */
function directAfterMs({ cluster }: Pair, limitMs: number): number | undefined {
  return cluster.clock.runUntil(() => cluster.pathBetween('a', 'b') === 'direct', limitMs, 10)
    ? cluster.clock.nowMs
    : undefined
}

describe('a host behind a symmetric NAT', () => {
  it.each(['port-restricted', 'port-restricted-preserving', 'masquerade', 'firewall'] as const)(
    'goes direct with one behind %s, over a socket of its own',
    (kind) => {
      const run = pair('symmetric', kind)
      expect(directAfterMs(run, 30_000)).toBeLessThan(20_000)
      const { cluster, checkers, searches } = run
      const paths = (name: string) =>
        cluster.get(name).helper.desired.peers.flatMap((peer) => peer.paths)
      const sockets = (name: string) =>
        paths(name).filter((path) => path.kind === 'direct' && path.socket !== undefined)
      expect(sockets('a')).toHaveLength(1)
      expect(sockets('b')).toHaveLength(0)
      expect(searches.get('a')?.map((search) => search.sockets)).toEqual([256])
      expect(searches.get('b')?.map((search) => search.endpoints.length)).toEqual([SWEEP_PROBES])
      const open = [...cluster.get('a').host.ports.keys()]
      expect(open.filter((port) => port >= 32_768 && port < 41_000)).toHaveLength(1)
      checkers.finish()
    },
  )

  it('keeps that path while the agent is away, and takes it up when it is back', () => {
    const run = pair('symmetric', 'port-restricted')
    directAfterMs(run, 30_000)
    const { cluster, searches } = run
    cluster.get('a').stop()
    cluster.clock.run(60_000)
    expect(cluster.get('b').isDirectTo(cluster.get('a'))).toBe(true)
    cluster.get('a').start()
    cluster.clock.run(60_000)
    expect(cluster.pathBetween('a', 'b')).toBe('direct')
    expect(searches.get('a')).toHaveLength(1)
  })

  it('searches again when a NAT has forgotten the path, or a helper its socket', () => {
    const run = pair('symmetric', 'port-restricted')
    directAfterMs(run, 30_000)
    const { cluster } = run
    const a = cluster.get('a')
    a.host.realm.nat!.reboot()
    cluster.clock.run(60_000)
    expect(cluster.pathBetween('a', 'b')).toBe('direct')
    a.helper.restart()
    a.dispatch({ kind: 'helper-disconnected', reason: 'killed' })
    a.connectHelper()
    cluster.clock.run(60_000)
    expect(cluster.pathBetween('a', 'b')).toBe('direct')
    run.checkers.finish()
  })

  it('goes direct with helpers from before searches had names, too', () => {
    const run = pair('symmetric', 'port-restricted')
    for (const name of ['a', 'b']) {
      const one = run.cluster.get(name)
      one.helper.features = []
      one.connectHelper()
    }
    expect(directAfterMs(run, 150_000)).toBeDefined()
    for (const name of ['a', 'b'])
      expect(run.searches.get(name)?.[0]).not.toHaveProperty('transaction')
    run.checkers.finish()
  })

  it('mostly takes one search, whatever the seed', () => {
    const attempts = Array.from({ length: 10 }, (_, seed) => {
      const run = pair('symmetric', 'port-restricted', { seed: 100 + seed })
      expect(directAfterMs(run, 150_000)).toBeDefined()
      return run.searches.get('b')!.length
    })
    expect(attempts.filter((count) => count === 1).length).toBeGreaterThanOrEqual(8)
  })

  it('is not taken for one that gives out ports in sequence for ever, because two of them happen to be neighbours', () => {
    const run = pair('symmetric', 'port-restricted', { seed: SEED_OF_NEIGHBOURS })
    expect(directAfterMs(run, 200_000)).toBeDefined()
    expect(run.searches.get('a')?.map((search) => search.sockets)).toEqual([RUN_SOCKETS, 256])
  })

  it('does not search for one behind another, nor if either was told not to', () => {
    for (const run of [
      pair('symmetric', 'symmetric'),
      pair('symmetric', 'symmetric-sequential'),
      pair('symmetric', 'port-restricted', { config: { birthdaySearch: false } }),
    ]) {
      expect(directAfterMs(run, 60_000)).toBeUndefined()
      expect(run.searches.size).toBe(0)
      expect(run.cluster.pathBetween('a', 'b')).toBe('relay')
    }
  })

  it('gives up after some searches until a NAT is another one', () => {
    const run = pair('symmetric', 'port-restricted')
    const { cluster, searches } = run
    // What the other side sends is lost, so that nothing is ever met.
    const [outer] = cluster.get('a').host.realm.nat!.externalIps
    cluster.network.isCut = (from, to) => to.startsWith(`${outer}:`) && from.startsWith('203.')
    cluster.clock.run(3_600_000)
    for (const name of ['a', 'b']) expect(searches.get(name)).toHaveLength(SEARCHES_PER_EPOCH_MAX)
    cluster.network.isCut = () => false
    cluster.get('b').host.realm.nat!.reboot()
    cluster.clock.run(120_000)
    expect(cluster.pathBetween('a', 'b')).toBe('direct')
  })
})

it('a NAT that gives each address another port is found the same way', () => {
  expect(directAfterMs(pair('address-dependent', 'masquerade'), 150_000)).toBeDefined()
})

it('a NAT that gives out ports in sequence is predicted with few probes', () => {
  for (const kind of ['port-restricted', 'firewall'] as const) {
    const run = pair('symmetric-sequential', kind)
    expect(directAfterMs(run, 30_000)).toBeDefined()
    expect(run.searches.get('a')?.map(({ sockets }) => sockets)).toEqual([16])
    expect(run.searches.get('b')?.map(({ endpoints }) => endpoints.length < 300)).toEqual([true])
    run.checkers.finish()
  }
})

it('two NATs that give out ports in sequence meet where their sequences cross', () => {
  const run = pair('symmetric-sequential', 'symmetric-sequential')
  expect(directAfterMs(run, 150_000)).toBeDefined()
  for (const name of ['a', 'b'])
    expect(run.searches.get(name)![0]).toMatchObject({ sockets: 0, endpoints: { length: 128 } })
})

it('a pool of addresses is found by chance, within the searches that there are', () => {
  const met = Array.from({ length: 4 }, (_, seed) =>
    directAfterMs(pair('address-pool', 'port-restricted', { seed }), 1_500_000),
  )
  expect(met.filter((ms) => ms !== undefined).length).toBeGreaterThan(0)
})

it('in a larger mesh each host takes part in few searches at a time, and all pairs meet in the end', () => {
  const cluster = new Cluster(5)
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hub.start()
  for (const kind of ['symmetric', 'port-restricted'] as const)
    for (let i = 0; i < 6; i++) hostBehind(cluster, kind, `${kind}-${i}`).start(hub)
  const pairs = () =>
    Array.from({ length: 36 }, (_, i) =>
      cluster.isDirect(`symmetric-${i % 6}`, `port-restricted-${Math.floor(i / 6)}`),
    )
  expect(cluster.clock.runUntil(() => !pairs().includes(false), 600_000, 1_000)).toBe(true)
  checkers.finish()
})
