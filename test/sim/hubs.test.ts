// SPDX-License-Identifier: Apache-2.0
/** Who relays for whom, and what happens when that changes. */
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'
import { hostBehind } from './expected-paths.ts'

function world(seed: number) {
  const cluster = new Cluster(seed)
  const checkers = new Checkers(cluster)
  const run = (ms: number) => {
    cluster.clock.run(ms)
    checkers.finish()
  }
  return { cluster, run }
}

/** Public hubs, and two hosts that never meet directly. */
function hardPair(seed: number, hubs: number) {
  const { cluster, run } = world(seed)
  const named = Array.from({ length: hubs }, (_, i) =>
    cluster.add(`hub-${i + 1}`, { ips: [`198.51.100.${i + 1}`], delayMs: 10 + 5 * i }),
  )
  for (const hub of named) hub.start(named[0])
  const [a, b] = ['a', 'b'].map((name) => hostBehind(cluster, 'symmetric', name))
  a!.start(named[0])
  b!.start(named.at(-1))
  run(30_000)
  return { cluster, run, hubs: named, a: a!, b: b! }
}

/** Names of the hubs over which traffic goes. */
function viaOf(cluster: Cluster, from: ClusterNode, to: ClusterNode): string[] {
  const state = from.helper.state().peers.find((p) => p.publicKey === to.member.helperName)
  const active = state?.paths.find((path) => path.id === state.activePath)
  const nodes = [...cluster.nodes.values()]
  return (active?.via ?? []).map((key) => nodes.find((n) => n.member.helperName === key)!.name)
}

function homesOf(cluster: Cluster, node: ClusterNode): string[] {
  return node.agent!.homeHubs.map((id) => cluster.byId(id)!.name).sort()
}

function die(node: ClusterNode): void {
  node.stop()
  node.host.ports.clear()
  node.helper.restart()
}

describe('two hosts that never meet', () => {
  it('talk over the hub that is nearest, and the traffic crosses that hub', () => {
    const { cluster, run, hubs, a, b } = hardPair(1, 3)
    expect(cluster.pathBetween('a', 'b')).toBe('relay')
    expect([viaOf(cluster, a, b), viaOf(cluster, b, a)]).toEqual([['hub-1'], ['hub-1']])
    const before = hubs[0]!.helper.relay.counters.bytes
    a.helper.sendTraffic(b.member.helperName, 1_000_000)
    run(1_000)
    expect(b.helper.delivered.get(a.member.helperName)).toBe(1_000_000)
    expect(hubs[0]!.helper.relay.counters.bytes - before).toBeGreaterThan(999_999)
  })

  it('use two hubs if they have none in common', () => {
    const { cluster, run } = world(2)
    // Both show hosts their mapped addresses, and forward nothing.
    const shows = [1, 2].map((i) =>
      cluster.add(`stun-${i}`, { ips: [`198.51.100.${i}`], config: { relay: false } }),
    )
    for (const node of shows) node.start(shows[0])
    // The hub of an office is dialled from inside; what is behind a second router in there reaches no other office.
    const hosts = ['a', 'b'].map((name) => {
      const office = cluster.site('port-restricted')
      const advertise = ['10.0.0.2:41820' as TransportAddress]
      cluster
        .add(`hub-${name}`, { realm: office, ips: ['10.0.0.2'], config: { advertise } })
        .start(shows[0])
      const room = cluster.site('symmetric', { externalIps: ['10.0.0.3'] }, office)
      return cluster.add(name, { realm: room, ips: ['192.168.1.10'] })
    })
    for (const host of hosts) host.start(shows[0])
    run(30_000)
    const [a, b] = [hosts[0]!, hosts[1]!]
    expect(homesOf(cluster, a)).toEqual(['hub-a'])
    expect(homesOf(cluster, b)).toEqual(['hub-b'])
    expect(cluster.pathBetween('a', 'b')).toBe('relay')
    expect(viaOf(cluster, a, b)).toEqual(['hub-a', 'hub-b'])
    expect(viaOf(cluster, b, a)).toEqual(['hub-b', 'hub-a'])
    a.helper.sendTraffic(b.member.helperName, 1_000)
    run(1_000)
    expect(b.helper.delivered.get(a.member.helperName)).toBe(1_000)
  })
})

describe('a host that was told not to relay', () => {
  it('forwards nothing, and is nobody\u2019s home', () => {
    const { cluster, run } = world(3)
    const quiet = cluster.add('quiet', {
      ips: ['198.51.100.9'],
      delayMs: 1,
      config: { relay: false },
    })
    quiet.start()
    const [a, b] = ['a', 'b'].map((name) => hostBehind(cluster, 'symmetric', name))
    for (const host of [a!, b!]) host.start(quiet)
    run(30_000)
    expect(cluster.pathBetween('a', 'b')).toBe('none')
    cluster.add('hub', { ips: ['198.51.100.1'], delayMs: 80 }).start(quiet)
    run(10_000)
    expect(cluster.pathBetween('a', 'b')).toBe('relay')
    for (const host of [a!, b!]) expect(homesOf(cluster, host)).toEqual(['hub'])
    expect(quiet.helper.relay.counters.frames).toBe(0)
  })
})

describe('when a hub dies', () => {
  it('its peers go on over another one, and it is nobody\u2019s home any more', () => {
    const { cluster, run, hubs, a, b } = hardPair(4, 2)
    expect(viaOf(cluster, a, b)).toEqual(['hub-1'])
    die(hubs[0]!)
    const moved = () => viaOf(cluster, a, b)[0] === 'hub-2' && viaOf(cluster, b, a)[0] === 'hub-2'
    // An idle path is asked every 25 s, and is down after three probes a second apart.
    expect(cluster.clock.runUntil(moved, 30_000, 10)).toBe(true)
    a.helper.sendTraffic(b.member.helperName, 1_000)
    run(5_000)
    expect(b.helper.delivered.get(a.member.helperName)).toBe(1_000)
    for (const host of [a, b]) expect(homesOf(cluster, host)).toEqual(['hub-2'])
  })
})

describe('home hubs', () => {
  it('do not change with the noise of round trips, and neither do routes', () => {
    const { cluster, run, a, b } = hardPair(5, 6)
    cluster.network.weather.jitterMs = 40
    run(60_000)
    const homes = [a, b].map((host) => homesOf(cluster, host))
    let applied = 0
    cluster.witnesses.push({
      onStep: (node, _event, effects) => {
        if (node === a || node === b)
          applied += effects.filter(({ kind }) => kind === 'apply').length
      },
    })
    for (let minute = 0; minute < 15; minute++) {
      run(60_000)
      expect([a, b].map((host) => homesOf(cluster, host))).toEqual(homes)
    }
    expect(applied).toBe(0)
  })
})
