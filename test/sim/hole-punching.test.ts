// SPDX-License-Identifier: Apache-2.0
/** Which hosts find a direct path, by what lies between them. */
import { describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { gridPairs, hostBehind, PLAIN } from './expected-paths.ts'

function pair(a: NatKindName, b: NatKindName): Cluster {
  const cluster = new Cluster(1)
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hub.start()
  for (const [i, kind] of [a, b].entries()) hostBehind(cluster, kind, `host-${i}`, PLAIN).start(hub)
  cluster.clock.run(30_000)
  checkers.finish()
  return cluster
}

describe('two hosts, each behind a NAT', () => {
  it.each(gridPairs)('%s and %s: direct is %s', (a, b, direct) => {
    const cluster = pair(a, b)
    expect(cluster.isDirect('host-0', 'host-1')).toBe(direct)
    // Whatever lies between two others, the hub is reached.
    expect(cluster.isDirect('host-0', 'hub') && cluster.isDirect('host-1', 'hub')).toBe(true)
  })

  it.each(['udp-blocked', 'udp-rejected'] as const)('%s: nothing is direct', (kind) => {
    const cluster = pair(kind, 'none')
    expect(cluster.isDirect('host-0', 'host-1') || cluster.isDirect('host-0', 'hub')).toBe(false)
    expect(cluster.get('host-0').agent?.own?.record.nat.mapping).toBe('udp-blocked')
  })

  it('of which one side is open to anybody through a DMZ: direct with every other', () => {
    for (const kind of ['symmetric', 'address-pool', 'port-restricted'] as const)
      expect(pair('dmz', kind).isDirect('host-0', 'host-1')).toBe(true)
  })
})

describe('two hosts behind the same NAT', () => {
  it('meet on their own network, also if the NAT turns nobody back', () => {
    const cluster = new Cluster(2)
    const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
    const home = cluster.site('symmetric')
    hub.start()
    for (const i of [10, 11])
      cluster.add(`host-${i}`, { realm: home, ips: [`192.168.1.${i}`] }).start(hub)
    cluster.clock.run(10_000)
    expect(cluster.isDirect('host-10', 'host-11')).toBe(true)
    const first = cluster.get('host-10').helper.desired.peers.map((peer) => peer.paths[0]?.id)
    expect(first).toContain('direct:192.168.1.11:41820')
  })

  it.each([true, false])('of a carrier reach each other iff it hairpins: %s', (hairpin) => {
    const cluster = new Cluster(3)
    const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
    hub.start()
    const carrier = cluster.site('full-cone', { hairpin })
    for (const i of [1, 2]) {
      const home = cluster.site('port-restricted', { externalIps: [`100.64.1.${i}`] }, carrier)
      cluster.add(`host-${i}`, { realm: home, ips: ['192.168.1.10'] }).start(hub)
    }
    cluster.clock.run(30_000)
    expect(cluster.isDirect('host-1', 'host-2')).toBe(hairpin)
  })
})
