// SPDX-License-Identifier: Apache-2.0
/**
 * Every two members whose network lets UDP out are connected at once, over a hub if need be; directly as soon as
 * that is proven. Times are virtual.
 */
import { afterAll, describe, expect, it } from 'vitest'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Checkers } from './checkers.ts'
import { Cluster } from './cluster.ts'
import { gridPairs, hostBehind, PLAIN } from './expected-paths.ts'

/** From a host's start, links of 20 ms one way: dialling takes three round trips, and a record must be heard. */
const CONNECTED_MS_MAX = 1_500

/** Two hubs that know each other, and two hosts of which the second joins while the first is there. */
function pair(a: NatKindName, b: NatKindName) {
  const cluster = new Cluster(1)
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hostBehind(cluster, a, 'host-0', PLAIN).start(hub)
  cluster.clock.run(5_000)
  hostBehind(cluster, b, 'host-1', PLAIN).start(hub)
  const joinedMs = cluster.clock.nowMs
  const path = () => cluster.pathBetween('host-0', 'host-1')
  cluster.clock.runUntil(() => path() !== 'none', 20_000, 10)
  const connectedMs = cluster.clock.nowMs - joinedMs
  const firstPath = path()
  cluster.clock.run(30_000 - connectedMs)
  checkers.finish()
  return { cluster, connectedMs, firstPath, finalPath: path() }
}

describe('two hosts, each behind a NAT, with two hubs', () => {
  const times: number[] = []
  afterAll(() => {
    times.sort((a, b) => a - b)
    const median = times[times.length >> 1]
    // oxlint-disable-next-line no-console -- the numbers are what this test is for
    console.info(`${times.length} pairs connected within ${median} ms (median), ${times.at(-1)} ms`)
  })

  it.each(gridPairs)('%s and %s: connected at once, in the end direct is %s', (a, b, isDirect) => {
    const { connectedMs, finalPath } = pair(a, b)
    expect(connectedMs).toBeLessThan(CONNECTED_MS_MAX)
    expect(finalPath).toBe(isDirect ? 'direct' : 'relay')
    times.push(connectedMs)
  })

  it.each(['udp-blocked', 'udp-rejected'] as const)('%s: no hub is reached either', (kind) => {
    expect(pair(kind, 'none').finalPath).toBe('none')
  })
})
