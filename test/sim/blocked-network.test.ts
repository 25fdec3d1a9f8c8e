// SPDX-License-Identifier: Apache-2.0
/** A network that comes to let no UDP out, and what a host behind it says of that. */
import { expect, it } from 'vitest'
import { observeSelf } from '../../agent/core/observe.ts'
import { STUN_REFRESH_MS_MAX } from '../../nat/constants.ts'
import { Cluster } from './cluster.ts'
import { hostBehind, PLAIN } from './expected-paths.ts'

/** Until the servers' turn has come, and their silence is one. */
const NOTICED_MS = STUN_REFRESH_MS_MAX + 14_000

it('is told of although members saw the host before, and is forgotten once UDP passes again', () => {
  const cluster = new Cluster(1)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  const host = hostBehind(cluster, 'full-cone', 'host', PLAIN)
  host.start(hub)
  const mapping = () => observeSelf(host.agent!).nat.mapping
  cluster.clock.run(20_000)
  expect(mapping()).toBe('endpoint-independent')
  const { nat } = host.host.realm
  nat!.become('udp-blocked')
  expect(cluster.clock.runUntil(() => mapping() === 'udp-blocked', NOTICED_MS, 100)).toBe(true)
  nat!.become('full-cone')
  expect(cluster.clock.runUntil(() => mapping() === 'endpoint-independent', 60_000, 100)).toBe(true)
})
