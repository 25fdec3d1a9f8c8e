// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Cluster } from './cluster.ts'

/** A hub that is public, and two hosts behind NATs of their own. */
function world(kind: NatKindName, lifetimeMs: number) {
  const cluster = new Cluster(1)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  const short = cluster.site(kind, { lifetimeMs })
  const long = cluster.site('port-restricted')
  const a = cluster.add('a', { realm: short, ips: ['192.168.1.10'] })
  const b = cluster.add('b', { realm: long, ips: ['192.168.1.10'] })
  for (const node of [hub, a, b]) node.start(node === hub ? undefined : hub)
  return { cluster, a, b, run: (ms: number) => cluster.clock.run(ms) }
}

describe('a NAT that forgets soon', () => {
  it.each<NatKindName>(['port-restricted', 'masquerade', 'restricted-cone'])(
    '(%s) is learned by its host, and both ends keep the idle path alive in time',
    (kind) => {
      const { cluster, a, b, run } = world(kind, 10_000)
      run(60_000)
      expect(a.agent?.own?.record.nat.lifetimeMs).toBe(9_000)
      for (const node of [a, b])
        for (const peer of node.helper.desired.peers)
          if (peer.publicKey === (node === a ? b : a).member.helperName)
            expect(peer.keepaliveMs).toBe(6_000)
      // From outside, with no help from inside, at any moment of a long silence.
      for (let i = 0; i < 40; i++) {
        run(1_700)
        const before = a.helper.delivered.get(b.member.helperName) ?? 0
        b.helper.sendTraffic(a.member.helperName, 100)
        run(100)
        expect(a.helper.delivered.get(b.member.helperName) ?? 0).toBe(before + 100)
      }
      expect(cluster.isDirect('a', 'b')).toBe(true)
    },
  )

  it('is no reason to ask more often where it keeps mappings for long', () => {
    const { a, b, run } = world('port-restricted', 120_000)
    run(100_000)
    expect(b.agent?.own?.record.nat.lifetimeMs).toBe(66_000)
    const [peer] = a.helper.desired.peers.filter((p) => p.publicKey === b.member.helperName)
    expect(peer?.keepaliveMs).toBe(60_000)
  })
})
