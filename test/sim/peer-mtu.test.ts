// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { addressParts } from '../../nat/address.ts'
import { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'

const [HUB, A, B] = ['198.51.100.1', '203.0.1.1', '203.0.2.1']

/** A hub, and two hosts behind NATs of their own. `carries`: between two of those addresses. */
function world(carries: (ips: readonly string[]) => number) {
  const cluster = new Cluster(1)
  const settings = { carries }
  cluster.network.mtuBetween = (...ends) =>
    settings.carries(ends.map((end) => addressParts(end).ip))
  const config = { mtu: 1420 }
  const hub = cluster.add('hub', { ips: [HUB], config })
  const a = cluster.add('a', { realm: cluster.site('port-restricted'), ips: ['10.9.0.1'], config })
  const b = cluster.add('b', { realm: cluster.site('port-restricted'), ips: ['10.9.0.2'], config })
  for (const node of [hub, a, b]) node.start(node === hub ? undefined : hub)
  return { cluster, a, b, settings, run: (ms: number) => cluster.clock.run(ms) }
}

/** What the routes to a peer carry. */
function routesTo(from: ClusterNode, to: ClusterNode): (number | undefined)[] {
  const { ipv4, ipv6 } = to.member.certificate
  return [`${ipv4}/32`, `${ipv6}/128`].map(
    (wanted) => from.helper.desired.routes.find(({ destination }) => destination === wanted)?.mtu,
  )
}

describe('the routes to a peer', () => {
  it('carry full packets where all its paths do', () => {
    const { cluster, a, b, run } = world(() => 1_500)
    run(20_000)
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expect([routesTo(a, b), routesTo(b, a)]).toEqual([
      // Over the hub a frame has 40 bytes more.
      [1392, 1392],
      [1392, 1392],
    ])
  })

  it('carry what the backup carries, so that a switch needs nobody', () => {
    const { a, b, run } = world((ips) => (ips.includes(HUB) && ips.includes(B) ? 1_420 : 1_500))
    run(20_000)
    expect(a.helper.carrierOf(b.member.helperName)?.kind).toBe('direct')
    // 1420 less the headers of IPv4, UDP, the frame and WireGuard, in steps of 16.
    expect(routesTo(a, b)).toEqual([1312, 1312])
  })

  it('carry little where a hop carries little, but never less than IPv6 needs', () => {
    const { a, b, run } = world((ips) => (ips.includes(A) ? 1_280 : 1_500))
    run(40_000)
    expect(routesTo(a, b)).toEqual([1168, 1280])
  })

  it('follow a way that shrinks under traffic within seconds', () => {
    const { a, b, settings, run } = world(() => 1_500)
    run(20_000)
    settings.carries = () => 1_400
    const steps = Array.from({ length: 8 }, () => {
      a.helper.sendTraffic(b.member.helperName, 50_000)
      run(2_000)
      return routesTo(a, b)[0]!
    })
    expect(steps.at(-1)).toBe(1_296)
    settings.carries = () => 1_500
    a.dispatch({ kind: 'recheck' })
    run(5_000)
    expect(routesTo(a, b)[0]).toBe(1_392)
  })
})
