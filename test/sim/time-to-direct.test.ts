// SPDX-License-Identifier: Apache-2.0
/** How long two hosts behind NATs take to talk directly, in virtual time, crypto and codecs being the real ones. */
import { describe, expect, it } from 'vitest'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'

/** The demo's topology: a public hub and two hosts behind port-restricted NATs, `linkMs` one way on each host's link. */
function demo(seed: number, linkMs: number): { joinMs: number; directMs: number } {
  const cluster = new Cluster(seed, 'real')
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'], delayMs: linkMs })
  hub.start()
  const [a, b] = ['a', 'b'].map((name) => {
    const realm = cluster.site('port-restricted')
    return cluster.add(name, { realm, ips: ['192.168.1.10'], delayMs: linkMs })
  })
  a!.start(hub)
  cluster.clock.run(10_000)
  const startedMs = cluster.clock.nowMs
  b!.start(hub)
  cluster.clock.runUntil(() => cluster.isDirect('b', 'hub'), 10_000)
  const joinMs = cluster.clock.nowMs - startedMs
  cluster.clock.runUntil(() => cluster.isDirect('a', 'b'), 10_000)
  checkers.finish()
  return { joinMs, directMs: cluster.clock.nowMs - startedMs }
}

describe('a host that joins from behind a NAT', () => {
  it.each([10, 20, 40])('is direct soon, with links of %i ms', (linkMs) => {
    const { joinMs, directMs } = demo(1, linkMs)
    const roundTripMs = 4 * linkMs
    // oxlint-disable-next-line no-console -- the number is what this test is for
    console.info(`links of ${linkMs} ms: to the hub ${joinMs} ms, to the other host ${directMs} ms`)
    expect(joinMs).toBeLessThan(6 * roundTripMs + 200)
    expect(directMs).toBeLessThan(10 * roundTripMs + 300)
  })
})
