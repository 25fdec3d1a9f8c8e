// SPDX-License-Identifier: Apache-2.0
/** An agent may go and come back: what it finds is what it wants, and nothing that works is touched. */
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../agent/core/helper-contract.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'

/** Three hosts with two addresses each, so that every pair has several proven paths, and a hub. */
function mesh(seed: number): { cluster: Cluster; checkers: Checkers } {
  const cluster = new Cluster(seed)
  const checkers = new Checkers(cluster)
  cluster.network.weather.jitterMs = 4
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  const home = cluster.site('full-cone', { hairpin: true })
  for (const i of [1, 2])
    cluster.add(`home-${i}`, { realm: home, ips: [`192.168.1.${i}`] }).start(hub)
  const away = cluster.add('away', { realm: cluster.site('port-restricted'), ips: ['192.168.1.1'] })
  away.start(hub)
  cluster.clock.run(60_000)
  return { cluster, checkers }
}

function appliesOf(cluster: Cluster, node: ClusterNode) {
  const applied: { desired: DesiredState; before: DesiredState }[] = []
  cluster.witnesses.push({
    onStep: (who, _event, effects) => {
      if (who !== node) return
      for (const effect of effects)
        if (effect.kind === 'apply')
          applied.push({ desired: effect.desired, before: node.helper.desired })
    },
  })
  return applied
}

describe('an agent that was restarted', () => {
  it.each([1, 2, 3, 4, 5])('first applies what its helper already has (seed %i)', (seed) => {
    const { cluster, checkers } = mesh(seed)
    for (const node of cluster.nodes.values()) {
      const applied = appliesOf(cluster, node)
      node.stop()
      cluster.clock.run(1_500)
      node.start()
      expect(applied[0]?.desired).toEqual(applied[0]?.before)
      expect(applied[0]?.desired.peers).toHaveLength(3)
    }
    cluster.clock.run(60_000)
    checkers.finish()
    for (const a of cluster.nodes.keys())
      for (const b of cluster.nodes.keys()) if (a !== b) expect(cluster.isDirect(a, b)).toBe(true)
  })

  it('first applies what its helper already has also if a path is down at the moment', () => {
    const { cluster, checkers } = mesh(10)
    // The home's addresses are new; the old ones are kept for a minute, and are down.
    cluster.get('home-1').host.realm.nat?.reboot()
    cluster.clock.run(50_000)
    const node = cluster.get('hub')
    const paths = node.helper.state().peers.flatMap((peer) => peer.paths)
    expect(paths.some((path) => !path.up)).toBe(true)
    const applied = appliesOf(cluster, node)
    node.stop()
    node.start()
    expect(applied[0]?.desired).toEqual(applied[0]?.before)
    checkers.finish()
  })

  it('goes on from the versions that it gave before, also if the clock went back', () => {
    const { cluster } = mesh(6)
    const node = cluster.get('away')
    const before = node.agent!.own!.record.version
    node.stop()
    node.start()
    expect(node.agent!.own!.record.version).toBe(before)
    cluster.clock.run(4_000)
    expect(node.agent!.own!.record.version).toBeGreaterThan(before)
  })

  it('without its saved records still keeps every peer that gossip tells of again', () => {
    const { cluster, checkers } = mesh(7)
    const node = cluster.get('away')
    node.stop()
    node.disk.clear()
    node.start(cluster.get('hub'))
    cluster.clock.run(30_000)
    checkers.finish()
    expect(node.helper.desired.peers).toHaveLength(3)
    for (const name of ['hub', 'home-1', 'home-2'])
      expect(cluster.isDirect('away', name)).toBe(true)
  })

  it('loses no path while it is away: the helper keeps them', () => {
    const { cluster } = mesh(8)
    const node = cluster.get('away')
    const paths = () => node.helper.state().peers.map((peer) => [peer.publicKey, peer.activePath])
    const before = paths()
    node.stop()
    cluster.clock.run(120_000)
    expect(paths()).toEqual(before)
    expect(node.helper.state().peers.every((peer) => peer.paths[0]?.up === true)).toBe(true)
  })
})

describe('an agent whose helper was restarted', () => {
  it('gives it everything again, and is direct again at once', () => {
    const { cluster, checkers } = mesh(9)
    const node = cluster.get('away')
    node.helper.restart()
    node.dispatch({ kind: 'helper-disconnected', reason: 'the helper went away' })
    cluster.clock.run(200)
    node.connectHelper()
    cluster.clock.run(1_000)
    checkers.finish()
    expect(node.helper.desired.peers).toHaveLength(3)
    for (const peer of node.helper.state().peers)
      expect(peer.paths.some((path) => path.up)).toBe(true)
  })
})
