// SPDX-License-Identifier: Apache-2.0
/**
 * A large mesh for ten virtual minutes: what it costs stays within its bounds. 40 nodes take some seconds;
 * MESHGATE_NODES=100 takes a minute or two.
 */
import { describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { PLAIN } from './expected-paths.ts'

const NODES = Number(process.env['MESHGATE_NODES'] ?? 40)
const HUBS = 5
const MINUTES = 10
const SETTLING_MINUTES = 1.5
const KINDS: readonly NatKindName[] = ['full-cone', 'port-restricted', 'masquerade', 'symmetric']

function mesh(): { cluster: Cluster; checkers: Checkers } {
  const cluster = new Cluster(1)
  const checkers = new Checkers(cluster)
  const hubs = Array.from({ length: HUBS }, (_, i) =>
    cluster.add(`hub-${i}`, { ips: [`198.51.100.${i + 1}`] }),
  )
  for (const hub of hubs) hub.start(hubs[0])
  for (let i = 0; i < NODES - HUBS; i++) {
    const realm = cluster.site(KINDS[i % KINDS.length]!)
    // What searches cost, and that they end, is searching.test.ts'.
    const place = { realm, ips: ['192.168.1.10'], delayMs: 5 + (i % 40), config: PLAIN }
    const node = cluster.add(`host-${i}`, place)
    cluster.clock.after(i * 100, () => node.start(hubs[i % HUBS]))
  }
  return { cluster, checkers }
}

/** What has been spent so far, a node on average. */
function spent({ cluster, checkers }: ReturnType<typeof mesh>) {
  const steps = [...cluster.nodes.values()].reduce((sum, node) => sum + node.steps, 0)
  const { apply, probe, publish } = checkers.effects
  const counts = {
    steps,
    apply,
    probe,
    publish,
    asked: checkers.effects['send-datagram'],
    packets: cluster.network.packets,
    gossip: cluster.gossip.messages,
  }
  return new Map(Object.entries(counts).map(([what, count]) => [what, count / NODES]))
}

describe(`${NODES} nodes`, () => {
  it('find each other, and from then on cost little', () => {
    const startedMs = performance.now()
    const world = mesh()
    // After that each host knows for how long its NAT keeps a mapping, and has said so.
    world.cluster.clock.run(SETTLING_MINUTES * 60_000)
    const settling = spent(world)
    world.cluster.clock.run((MINUTES - SETTLING_MINUTES) * 60_000)
    const end = spent(world)
    world.checkers.finish()

    const inAMinute = (what: string) =>
      (end.get(what)! - settling.get(what)!) / (MINUTES - SETTLING_MINUTES)
    const rows = [...end.keys()].map(
      (what) => `${what} ${Math.round(settling.get(what)!)}, then ${inAMinute(what).toFixed(1)}`,
    )
    const wallMs = Math.round(performance.now() - startedMs)
    // oxlint-disable-next-line no-console -- the numbers are what this test is for
    console.info(
      `each node, in its first ${SETTLING_MINUTES} minutes and then a minute: ${rows.join('; ')} (${wallMs} ms)`,
    )

    for (const node of world.cluster.nodes.values()) expect(node.agent?.peers.size).toBe(NODES - 1)
    // Two addresses a peer, eleven probes each; answered and heard ones come on top.
    expect(settling.get('probe')).toBeLessThan(NODES * 2 * 11 * 2)
    expect(settling.get('apply')).toBeLessThan(NODES * 8)
    // A sign of life a minute; each record crosses each of our links at most once each way.
    expect(inAMinute('publish')).toBeLessThan(1.2)
    expect(inAMinute('gossip')).toBeLessThan(1.2 * NODES * 2 * HUBS)
    // Three servers, each every 20 s at most.
    expect(inAMinute('asked')).toBeLessThanOrEqual(9)
    // Pairs that cannot meet are tried after 1, 2, 4 and 8 minutes: three rounds in nine minutes.
    expect(inAMinute('probe')).toBeLessThan((NODES * 2 * 11 * 3) / 9)
    expect(inAMinute('apply')).toBeLessThan(0.1)
    // Keepalives: every 25 s at most with every peer, there and back, directly and over at most two hubs one after the other.
    const keepalives = NODES * 2.4 * (2 + 2 * 4)
    expect(inAMinute('packets')).toBeLessThan(inAMinute('probe') * 2 + keepalives * 1.5 + 50)
  }, 600_000)
})
