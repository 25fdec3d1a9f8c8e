// SPDX-License-Identifier: Apache-2.0
/** A pair that is relayed goes on looking for a direct path, and takes it once there is one. */
import { describe, expect, it } from 'vitest'
import { addressParts } from '../../nat/address.ts'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { hostBehind, PLAIN } from './expected-paths.ts'

const MINUTE_MS = 60_000

function pair(kindA: NatKindName, kindB: NatKindName, seed = 1) {
  const cluster = new Cluster(seed)
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  const a = hostBehind(cluster, kindA, 'a', PLAIN)
  const b = hostBehind(cluster, kindB, 'b', PLAIN)
  a.start(hub)
  b.start(hub)
  const path = () => cluster.pathBetween('a', 'b')
  /** Whether the pair is direct within that time; connected it is all the while. */
  const goesDirect = (limitMs: number) => {
    const isDirect = cluster.clock.runUntil(() => path() === 'direct', limitMs, 100)
    checkers.finish()
    return isDirect
  }
  return { cluster, hub, a, b, path, goesDirect }
}

describe('a relayed pair goes direct', () => {
  it('soon after one of the hosts was plugged into a better network', () => {
    const { cluster, a, path, goesDirect } = pair('symmetric', 'port-restricted')
    cluster.clock.run(5 * MINUTE_MS)
    expect(path()).toBe('relay')
    cluster.network.move(a.host, cluster.site('full-cone'), ['10.0.0.5'])
    a.helper.linksChanged()
    expect(goesDirect(5_000)).toBe(true)
  })

  it('soon after the NAT of one was replaced, which its mappings show', () => {
    const { cluster, a, path, goesDirect } = pair('symmetric', 'port-restricted')
    cluster.clock.run(5 * MINUTE_MS)
    expect(path()).toBe('relay')
    a.host.realm.nat!.become('full-cone')
    a.host.realm.nat!.reboot()
    // STUN servers are asked every 20 to 26 s.
    expect(goesDirect(30_000)).toBe(true)
  })

  it('soon after the other names a new address', () => {
    const { cluster, b, path, goesDirect } = pair('symmetric', 'port-restricted')
    cluster.clock.run(5 * MINUTE_MS)
    expect(path()).toBe('relay')
    cluster.network.move(b.host, cluster.network.internet, ['192.0.2.77'])
    b.helper.linksChanged()
    expect(goesDirect(5_000)).toBe(true)
  })

  it.each([1, 2, 3])('on the slow schedule if nobody is told of the change (seed %i)', (seed) => {
    const { cluster, b, path, goesDirect } = pair('symmetric', 'port-restricted', seed)
    cluster.clock.run(20 * MINUTE_MS)
    expect(path()).toBe('relay')
    b.host.realm.nat!.become('full-cone')
    expect(goesDirect(12 * MINUTE_MS)).toBe(true)
  })

  it.each([1, 2, 3, 4, 5, 6])(
    'on the slow schedule also if the two began to look at different times (seed %i)',
    (seed) => {
      const { cluster, hub, b, path, goesDirect } = pair('port-restricted', 'port-restricted', seed)
      const isHome = (ip: string) => ip.startsWith('203.0.')
      cluster.network.isCut = (from, to) =>
        isHome(addressParts(from).ip) && isHome(addressParts(to).ip)
      cluster.clock.run(3 * MINUTE_MS + 7_000 * seed)
      b.stop()
      cluster.clock.run(1_000)
      b.start(hub)
      cluster.clock.run(30 * MINUTE_MS)
      expect(path()).toBe('relay')
      cluster.network.isCut = () => false
      expect(goesDirect(20 * MINUTE_MS)).toBe(true)
    },
  )
})
