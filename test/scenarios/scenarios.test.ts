// SPDX-License-Identifier: Apache-2.0
/** Scripts whose whole course is written down beside them. A changed trace is a changed behaviour: read it. */
import { describe, expect, it } from 'vitest'
import { Checkers } from '../sim/checkers.ts'
import { Cluster } from '../sim/cluster.ts'
import type { ClusterNode } from '../sim/cluster-node.ts'
import { expectGolden } from './golden.ts'
import { Trace } from './trace.ts'

interface Stage {
  readonly cluster: Cluster
  readonly trace: Trace
  readonly hub: ClusterNode
  readonly a: ClusterNode
  readonly b: ClusterNode
  readonly run: (ms: number) => void
}

/** A public hub, and two hosts behind port-restricted NATs that both call their network 192.168.1.0/24. */
function stage(): Stage {
  const cluster = new Cluster(7)
  const checkers = new Checkers(cluster)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'], delayMs: 10 })
  const [a, b] = ['a', 'b'].map((name) =>
    cluster.add(name, {
      realm: cluster.site('port-restricted'),
      ips: ['192.168.1.10'],
      delayMs: 10,
    }),
  )
  hub.start()
  const run = (ms: number) => {
    cluster.clock.run(ms)
    checkers.finish()
  }
  return { cluster, trace: new Trace(cluster), hub, a: a!, b: b!, run }
}

/** The same, once everybody is direct with everybody; the trace begins after that. */
function settled(): Stage {
  const before = stage()
  before.a.start(before.hub)
  before.b.start(before.hub)
  before.run(30_000)
  expect(before.cluster.isDirect('a', 'b')).toBe(true)
  before.cluster.witnesses.splice(before.cluster.witnesses.indexOf(before.trace), 1)
  return { ...before, trace: new Trace(before.cluster) }
}

describe('the course of things', () => {
  it('when a host joins: from nothing to direct', () => {
    const { cluster, trace, hub, a, b, run } = stage()
    a.start(hub)
    run(5_000)
    trace.note('b joins')
    b.start(hub)
    run(2_000)
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expectGolden('join-to-direct', trace.toString())
  })

  it('when a host is plugged into another network', () => {
    const { cluster, trace, a, run } = settled()
    trace.note('a moves behind another NAT, with another address')
    cluster.network.move(a.host, cluster.site('full-cone'), ['10.0.0.5'])
    a.helper.linksChanged()
    run(10_000)
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expectGolden('links-change', trace.toString())
  })

  it('when a host leaves', () => {
    const { trace, hub, a, b, run } = settled()
    trace.note('a is told to leave')
    a.dispatch({ kind: 'leave' })
    run(1_000)
    trace.note('a is stopped')
    a.stop()
    run(5_000)
    for (const other of [hub, b]) expect(other.helper.desired.peers).toHaveLength(1)
    expectGolden('peer-leaves', trace.toString())
  })

  it('when a helper restarts and has forgotten everything', () => {
    const { cluster, trace, a, run } = settled()
    trace.note('the helper of a restarts')
    a.helper.restart()
    a.dispatch({ kind: 'helper-disconnected', reason: 'the socket was closed' })
    run(500)
    a.connectHelper()
    run(5_000)
    expect(a.helper.state().peers.map((peer) => peer.paths.some((path) => path.up))).toEqual([
      true,
      true,
    ])
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expectGolden('helper-restarts', trace.toString())
  })

  it('when an agent restarts: nothing is applied that is not there already', () => {
    const { cluster, trace, a, run } = settled()
    trace.note('the agent of a is killed, and started a second later')
    a.stop()
    run(1_000)
    a.start()
    run(3_000)
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expectGolden('agent-restarts', trace.toString())
  })

  it('when a NAT is switched off and on, so that its mappings are gone', () => {
    const { cluster, trace, a, run } = settled()
    trace.note('the NAT of a forgets its mappings')
    a.host.realm.nat?.reboot()
    run(90_000)
    expect(cluster.isDirect('a', 'b')).toBe(true)
    expectGolden('nat-reboots', trace.toString())
  })
})
