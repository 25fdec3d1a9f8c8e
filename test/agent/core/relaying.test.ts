// SPDX-License-Identifier: Apache-2.0
/** Hubs and routes over them, as one node sees them. */
import { describe, expect, it } from 'vitest'
import { directPath, relayPath } from '../../../topology/planned-path.ts'
import type { HelperPath, HelperPeer } from '../../../agent/core/helper-contract.ts'
import { planOf } from '../../../agent/core/want.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { Member } from '../../sim/membership.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const at = (text: string) => text as TransportAddress

/** A node behind a NAT with two hubs of 10 and 15 ms, and a peer that names both its home. */
function withHubs(content: Partial<NodeRecord> = {}) {
  const one = oneNode()
  const [near, far, peer] = ['near', 'far', 'peer'].map((name) => one.membership.admit(name))
  const hub = (member: Member) => one.hear(one.recordOf(member, { relay: true }))
  one.connect([link('eth0', '192.168.1.2/24')])
  hub(near!)
  hub(far!)
  const direct = (member: Member, endpoint: TransportAddress, rttMs: number, up = true) =>
    statsOf(member, [
      { ...path(directPath({ endpoint }).id), kind: 'direct', endpoint, up, rttUs: rttMs * 1000 },
    ])
  const state = [direct(near!, at('198.51.100.1:1'), 10), direct(far!, at('198.51.100.2:1'), 15)]
  one.connect([link('eth0', '192.168.1.2/24')], state)
  const hubs = [near!, far!].map((member) => member.certificate.node).sort()
  one.hear(one.recordOf(peer!, { hubs, ...content }))
  const routes = () =>
    one.node.peers
      .get(peer!.certificate.node)!
      .routes.map((route) => route.map((id) => one.node.peers.get(id)?.record.certificate.name))
  const status = () => statusOf(one.node, one.now()).peers.find(({ name }) => name === 'peer')!
  return { ...one, near: near!, far: far!, peer: peer!, direct, routes, status }
}

const nothing = { up: false, carries: null, rttUs: null, lossPermille: 0, lastReplyMs: null }

function path(id: string): HelperPath {
  return { id, kind: 'relay', endpoint: null, via: [], server: null, socket: null, ...nothing }
}

function statsOf(member: Member, paths: readonly HelperPath[]): HelperPeer {
  const counters = { rxBytes: 0, txBytes: 0, lastHandshakeMs: null, allowedIps: [] }
  const session = { rttUs: null, ageMs: null }
  const activePath = paths.find(({ up }) => up)?.id ?? paths[0]?.id ?? null
  return {
    publicKey: member.helperName,
    keepaliveMs: 25_000,
    ...counters,
    activePath,
    session,
    paths,
  }
}

describe('routes over hubs', () => {
  it('lead over the nearest hub first, and stay while round trips change by a little', () => {
    const { routes, helperEvent, direct, near } = withHubs()
    expect(routes()).toEqual([['near'], ['far']])
    const stats = direct(near, at('198.51.100.1:1'), 25)
    expect(ofKind(helperEvent({ method: 'stats', peers: [stats], turn: [] }), 'apply')).toEqual([])
    expect(routes()).toEqual([['near'], ['far']])
  })

  it('pass by a hub that is no member, or forwards no more, although the peer still names it', () => {
    const { routes, hear, recordOf, near, far, peer, membership, run } = withHubs()
    const stranger = membership.admit('stranger').certificate.node
    run(1_000)
    const hubs = [stranger, near.certificate.node, far.certificate.node].sort()
    hear(recordOf(peer, { hubs }))
    expect(routes()).toEqual([['near'], ['far']])
    hear(recordOf(near, { relay: false }))
    expect(routes()).toEqual([['far']])
  })

  it('leave a hub that drains as soon as another one carries, and come back when it is taken back', () => {
    const { node, routes, hear, recordOf, near, far, peer, run, helperEvent } = withHubs()
    run(1_000)
    hear(recordOf(near, { relay: true, draining: true }))
    expect(routes()).toEqual([['far'], ['near']])
    expect(node.homeHubs).toEqual([far.certificate.node])
    const { id } = relayPath([far.certificate.node])
    helperEvent({ method: 'path-up', peer: peer.helperName, path: id, rttUs: 1 })
    expect(routes()).toEqual([['far']])
    run(1_000)
    hear(recordOf(near, { relay: true }))
    expect(routes()).toHaveLength(2)
  })

  it('go when the direct path to their hub goes, and what was known of them is forgotten', () => {
    const { node, routes, status, helperEvent, near, far, peer, sleep } = withHubs()
    const ids = node.peers.get(peer.certificate.node)!.routes.map((route) => relayPath(route).id)
    const up = { method: 'path-up', peer: peer.helperName, path: ids[0]!, rttUs: 1 } as const
    helperEvent(up)
    expect(status().path).toMatchObject({ kind: 'relay', via: 'near' })
    for (const [hub, n] of [
      [near, 1],
      [far, 2],
    ] as const) {
      const down = { method: 'path-down', peer: hub.helperName, reason: 'silence' } as const
      helperEvent({ ...down, path: directPath({ endpoint: at(`198.51.100.${n}:1`) }).id })
    }
    expect(routes()).toEqual([])
    // It was on its way when the path was given up.
    helperEvent(up)
    sleep(600_000)
    expect(status()).toMatchObject({ path: { kind: 'none' }, liveness: 'failed' })
  })

  it('that the helper keeps are adopted in its order, also if a nearer hub would come first', () => {
    const { node, connect, direct, near, far, peer, routes } = withHubs()
    const vias = [far, near].map((hub) => hub.helperName)
    const kept = vias.map((via, i) => ({ ...path(`relay:${i}`), via: [via], up: true }))
    const hubs = [direct(near, at('198.51.100.1:1'), 10), direct(far, at('198.51.100.2:1'), 15)]
    connect([link('eth0', '192.168.1.2/24')], [...hubs, statsOf(peer, kept)])
    expect(routes()).toEqual([['far'], ['near']])
    expect(node.homeHubs).toHaveLength(2)
  })

  it('are not said to be up any more when the helper has restarted', () => {
    const { node, connect, direct, near, far, peer, helperEvent, status } = withHubs()
    const id = relayPath(node.peers.get(peer.certificate.node)!.routes[0]!).id
    helperEvent({ method: 'path-up', peer: peer.helperName, path: id, rttUs: 1 })
    connect([link('eth0', '192.168.1.2/24')], [])
    expect(status().path.kind).toBe('none')
    connect(
      [link('eth0', '192.168.1.2/24')],
      [direct(near, at('198.51.100.1:1'), 10), direct(far, at('198.51.100.2:1'), 15)],
    )
    expect(status().path.kind).toBe('none')
  })
})

describe('a node that could relay', () => {
  it('logs once that others are told to leave it, and once that they may come back', () => {
    const { take } = oneNode()
    const logged = (draining: boolean) =>
      ofKind(take({ kind: 'drain', draining }), 'log').map(({ message }) => message)
    expect([logged(true), logged(true), logged(false)]).toEqual([
      ['others are told to leave this host'],
      [],
      ['others may use this host again'],
    ])
  })

  it('says that it drains, and goes on forwarding', () => {
    const { node, connect, run, take, now } = oneNode()
    connect([link('eth0', '198.51.100.9/24')])
    run(1_000)
    take({ kind: 'drain', draining: true })
    run(1_000)
    expect(node.own?.record).toMatchObject({ relay: true, draining: true })
    expect(planOf(node, now()).device.relay).toBe(true)
    take({ kind: 'drain', draining: false })
    run(1_000)
    expect(node.own?.record.draining).toBe(false)
  })

  it('says so if it seems dialable, unless it was told not to', () => {
    for (const [relay, says] of [
      [true, true],
      [false, false],
    ] as const) {
      const { node, connect, run } = oneNode({ relay })
      connect([link('eth0', '198.51.100.9/24')])
      run(1_000)
      expect(node.own?.record.relay).toBe(says)
    }
    const hidden = oneNode()
    hidden.connect([link('eth0', '192.168.1.2/24')])
    hidden.run(1_000)
    expect(hidden.node.own?.record.relay).toBe(false)
  })
})
