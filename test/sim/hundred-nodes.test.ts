// SPDX-License-Identifier: Apache-2.0
/** A hundred nodes for ten virtual minutes: what the mesh costs stays within its bounds. */
import { describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'

const NODES = 100
const MINUTES = 10

describe('a hundred nodes', () => {
  it('find each other and then cost little', () => {
    const startedMs = performance.now()
    const cluster = new Cluster(1)
    const checkers = new Checkers(cluster)
    const kinds: NatKindName[] = ['full-cone', 'port-restricted', 'masquerade', 'symmetric']
    const hubs = Array.from({ length: 5 }, (_, i) =>
      cluster.add(`hub-${i}`, { ips: [`198.51.100.${i + 1}`] }),
    )
    for (const hub of hubs) hub.start(hubs[0])
    for (let i = 0; i < NODES - hubs.length; i++) {
      const kind = kinds[i % kinds.length]!
      const place = { realm: cluster.site(kind), ips: ['192.168.1.10'], delayMs: 5 + (i % 40) }
      const node = cluster.add(`host-${i}`, place)
      cluster.clock.after(i * 100, () => node.start(hubs[i % hubs.length]))
    }
    cluster.clock.run(60_000)
    const settling = {
      ...checkers.effects,
      gossip: cluster.gossip.messages,
      packets: cluster.network.packets,
    }
    cluster.clock.run((MINUTES - 1) * 60_000)
    const end = {
      ...checkers.effects,
      gossip: cluster.gossip.messages,
      packets: cluster.network.packets,
    }
    checkers.finish()

    const perNodeMinute = (count: keyof typeof end) =>
      (end[count] - settling[count]) / NODES / (MINUTES - 1)
    const steps = [...cluster.nodes.values()].reduce((sum, node) => sum + node.steps, 0)
    const wallMs = Math.round(performance.now() - startedMs)
    // oxlint-disable-next-line no-console -- the numbers are what this test is for
    console.info({
      wallMs,
      steps,
      settling,
      perNodeMinute: Object.fromEntries(
        Object.keys(end).map((k) => [k, perNodeMinute(k as keyof typeof end)]),
      ),
    })

    for (const node of cluster.nodes.values()) expect(node.agent?.peers.size).toBe(NODES - 1)
    // A sign of life a minute, and nothing else to say.
    expect(perNodeMinute('publish')).toBeLessThan(1.5)
    // Each record crosses each link at most twice.
    expect(perNodeMinute('gossip')).toBeLessThan(1.5 * 2 * 5 * 100)
    expect(perNodeMinute('send-datagram')).toBeLessThan(3 * 3.5)
    expect(settling.probe / NODES).toBeLessThan(100 * 11 * 3)
  }, 120_000)
})
