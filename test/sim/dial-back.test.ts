// SPDX-License-Identifier: Apache-2.0
/** Who offers to be dialled, to answer STUN and to relay, after others have tried whether it can. */
import { expect, it } from 'vitest'
import { netcheckOf } from '../../agent/core/netcheck-report.ts'
import { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'
import { hostBehind, PLAIN } from './expected-paths.ts'

function isHub(node: ClusterNode): boolean {
  const { relay, stunServers, dialAddresses } = node.agent!.own!.record
  expect([relay, relay]).toEqual([stunServers.length > 0, dialAddresses.length > 0])
  return relay
}

it('public hosts are hubs within a second of their start, and firewalled ones are none', () => {
  const cluster = new Cluster(1)
  const first = cluster.add('first', { ips: ['198.51.100.1'] })
  first.start()
  const open = [2, 3].map((i) => cluster.add(`open-${i}`, { ips: [`198.51.100.${i}`] }))
  const shut = [1, 2, 3, 4, 5, 6].map((i) => hostBehind(cluster, 'firewall', `shut-${i}`, PLAIN))
  for (const node of [...open, ...shut]) node.start(first)
  cluster.clock.run(1_000)
  expect([first, ...open].map(isHub)).toEqual([true, true, true])
  cluster.clock.run(10_000)
  expect([first, ...open].map(isHub)).toEqual([true, true, true])
  expect(shut.map(isHub)).toEqual(shut.map(() => false))
  for (const node of shut) expect(node.agent!.homeHubs.length).toBeGreaterThan(0)
})

it('netcheck names the members that have tried, and those who could not get in', () => {
  const cluster = new Cluster(3)
  const first = cluster.add('first', { ips: ['198.51.100.1'] })
  first.start()
  const other = cluster.add('other', { ips: ['198.51.100.2'] })
  const shut = hostBehind(cluster, 'firewall', 'shut', PLAIN)
  for (const node of [other, shut]) node.start(first)
  cluster.clock.run(10_000)
  const doors = (node: ClusterNode) => netcheckOf(node.agent!).doors
  const [door, ...more] = doors(shut)
  expect(more).toEqual([])
  expect(door).toMatchObject({ udp: false, tcp: false, known: 'tried' })
  expect([...door!.by].sort()).toEqual(['first', 'other'])
  expect(doors(other)).toMatchObject([{ udp: true, tcp: true, known: 'tried', by: ['first'] }])
})

it('of two members the public one is a hub at once, and at all times', () => {
  const cluster = new Cluster(2)
  const alice = cluster.add('alice', { ips: ['198.51.100.1'] })
  alice.start()
  const said: boolean[] = []
  cluster.witnesses.push({
    onStep: (node, _, effects) => {
      if (node !== alice) return
      for (const effect of effects)
        if (effect.kind === 'publish') said.push(node.verify(effect.envelope)!.relay)
    },
  })
  cluster.clock.run(500)
  const bob = hostBehind(cluster, 'symmetric', 'bob', PLAIN)
  bob.start(alice)
  cluster.clock.run(120_000)
  expect(isHub(alice)).toBe(true)
  expect(said.slice(1)).not.toContain(false)
  expect(cluster.isDirect('bob', 'alice')).toBe(true)
})
