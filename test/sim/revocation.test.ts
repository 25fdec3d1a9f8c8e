// SPDX-License-Identifier: Apache-2.0
/** A member is revoked while a third of all gossip is lost: everybody hears of it, and nobody keeps the peer. */
import { describe, expect, it } from 'vitest'
import { Cluster } from './cluster.ts'

const SEEDS = [1, 2, 3, 4, 5]

describe('a revocation', () => {
  it.each(SEEDS)('reaches every member and shuts the revoked one out (seed %i)', (seed) => {
    const cluster = new Cluster(seed)
    const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
    hub.start()
    const others = Array.from({ length: 9 }, (_, i) =>
      cluster.add(`host-${i}`, { realm: cluster.site('port-restricted'), ips: ['192.168.1.2'] }),
    )
    for (const node of others) node.start(hub)
    const [lost, away, ...rest] = others
    cluster.clock.run(30_000)
    for (const node of [hub, ...rest]) expect(node.agent?.peers.has(lost!.id)).toBe(true)

    // One host sleeps through it.
    away!.stop()
    cluster.gossip.weather.lossRate = 0.33
    cluster.gossip.announce(hub, cluster.membership.revoke(lost!.member))
    const isOut = () => rest.every((node) => node.agent?.peers.has(lost!.id) === false)
    expect(cluster.clock.runUntil(isOut, 60_000, 100)).toBe(true)

    // It wakes up and knows the revoked one from its disk; the others tell it within a sync.
    cluster.gossip.weather.lossRate = 0
    away!.start(hub)
    const hears = () => away!.agent?.peers.has(lost!.id) === false
    expect(cluster.clock.runUntil(hears, 30_000, 100)).toBe(true)
    cluster.clock.run(60_000)
    for (const node of [hub, away!, ...rest]) {
      expect(node.agent?.view.entries.has(lost!.id)).toBe(false)
      const names = node.helper.state().peers.map(({ publicKey }) => publicKey)
      expect(names).not.toContain(lost!.member.helperName)
    }
    expect([...cluster.gossip.linksOf(lost!)]).toEqual([])
  })
})
