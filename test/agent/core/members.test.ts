// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { dialTargets } from '../../../agent/core/dial-targets.ts'
import { hexToBase64 } from '../../../agent/core/key-text.ts'
import { planOf } from '../../../agent/core/want.ts'
import { removePeer } from '../../../agent/core/state.ts'
import { stunServerAddresses } from '../../../agent/core/stun-servers.ts'
import type { Candidate } from '../../../nat/candidate.ts'
import { toHex } from '../../../nat/hex.ts'
import { SeededRandom } from '../../sim/seeded-random.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode, PORT } from './one-node.ts'

const HOME = link('eth0', '192.168.1.10/24')
const host = (address: string): Candidate => ({ kind: 'host', address: at(address) })

function withPeer(...candidates: Candidate[]) {
  const world = oneNode()
  world.connect([HOME])
  const peer = world.membership.admit('peer')
  const effects = world.hear(world.recordOf(peer, { candidates }))
  return { ...world, peer, effects }
}

describe('a member that is heard of', () => {
  it('becomes a peer of the helper before any path to it is known', () => {
    const { effects, peer } = withPeer(host('203.0.113.5:5'))
    const [apply] = ofKind(effects, 'apply')
    expect(apply?.desired.peers).toMatchObject([
      {
        publicKey: peer.helperName,
        allowedIps: [`${peer.certificate.ipv4}/32`, `${peer.certificate.ipv6}/128`],
        paths: [],
      },
    ])
  })

  it('is probed at every address that this host could reach, and at none of its own', () => {
    const own = host(`192.168.1.10:${PORT}`)
    const { effects } = withPeer(
      host('203.0.113.5:5'),
      own,
      host('192.168.1.11:5'),
      host('[2001:db8::5]:5'),
    )
    expect(ofKind(effects, 'probe').map((probe) => probe.endpoint)).toEqual([
      '203.0.113.5:5',
      '192.168.1.11:5',
    ])
  })

  it('is not probed inside the mesh, whatever it says of itself', () => {
    const world = oneNode()
    world.connect([HOME])
    const { ipv4 } = world.membership.admit('other').certificate
    const said = { candidates: [host(`${ipv4}:5`), host('203.0.113.5:5')] }
    const effects = world.hear(world.recordOf(world.membership.admit('peer'), said))
    expect(ofKind(effects, 'probe').map((probe) => probe.endpoint)).toEqual(['203.0.113.5:5'])
  })

  it('gets a path once it answered there, and its path is kept by the same name', () => {
    const { effects, peer, helperEvent } = withPeer(host('203.0.113.5:5'))
    const [probe] = ofKind(effects, 'probe')
    const { endpoint, transaction } = probe!
    const observed = at('203.0.113.1:7')
    const reply = {
      method: 'probe-reply',
      peer: peer.helperName,
      endpoint,
      transaction,
      rttUs: 20_000,
      observed,
    } as const
    const [apply] = ofKind(helperEvent(reply), 'apply')
    expect(apply?.desired.peers[0]?.paths).toEqual([
      { id: `direct:${endpoint}`, kind: 'direct', endpoint },
    ])
    expect(ofKind(helperEvent(reply), 'apply')).toEqual([])
  })

  it('is checked anew if the helper never gets an answer on the path that was proven', () => {
    const { effects, peer, helperEvent, run, node } = withPeer(host('203.0.113.5:5'))
    const { endpoint, transaction } = ofKind(effects, 'probe')[0]!
    const observed = at('203.0.113.1:7')
    const { helperName } = peer
    helperEvent({
      method: 'probe-reply',
      peer: helperName,
      endpoint,
      transaction,
      rttUs: 20_000,
      observed,
    })
    const id = `direct:${endpoint}`
    const silent = {
      id,
      kind: 'direct',
      endpoint,
      via: [],
      server: null,
      socket: null,
      up: false,
      carries: null,
      rttUs: null,
      lossPermille: 1000,
      lastReplyMs: null,
    } as const
    const stats = {
      publicKey: helperName,
      allowedIps: [],
      keepaliveMs: 25_000,
      rxBytes: 0,
      txBytes: 0,
      lastHandshakeMs: null,
      activePath: id,
      session: { rttUs: null, ageMs: null },
      paths: [silent],
    }
    run(2_000)
    // It may just have been armed: that is no sign yet.
    expect(ofKind(helperEvent({ method: 'stats', peers: [stats], turn: [] }), 'probe')).toEqual([])
    run(4_000)
    const again = ofKind(helperEvent({ method: 'stats', peers: [stats], turn: [] }), 'probe')
    expect(again.map((probe) => probe.endpoint)).toEqual([endpoint])
    expect(node.peers.get(peer.certificate.node)?.paths.proven.get(endpoint)?.up).toBe(false)
  })

  it('is saved, and an older or an equal record of it changes nothing', () => {
    const { hear, recordOf, peer, node, run } = withPeer(host('203.0.113.5:5'))
    const old = recordOf(peer)
    run(1_000)
    const newer = hear(recordOf(peer, { candidates: [host('203.0.113.6:6')] }))
    expect(ofKind(newer, 'save-record')).toHaveLength(1)
    expect(ofKind(hear(old), 'save-record')).toEqual([])
    expect(node.peers.get(peer.certificate.node)?.record.candidates).toHaveLength(1)
  })

  it('is no peer any more once it has left, and is one again if it comes back', () => {
    const { hear, recordOf, peer, run } = withPeer(host('203.0.113.5:5'))
    run(1_000)
    const [apply] = ofKind(hear(recordOf(peer, { present: false })), 'apply')
    expect(apply?.desired.peers).toEqual([])
    run(1_000)
    const [again] = ofKind(hear(recordOf(peer)), 'apply')
    expect(again?.desired.peers).toHaveLength(1)
  })

  it('stops being a peer when its certificate runs out', () => {
    const { peer, run, sleep, now } = withPeer()
    sleep(peer.certificate.notAfter - now().wall - 60_000)
    expect(ofKind(run(50_000), 'apply')).toEqual([])
    expect(ofKind(run(80_000), 'apply').at(-1)?.desired.peers).toEqual([])
  })
})

describe('the document for the helper', () => {
  it('is sent once: what did not change is not said again', () => {
    const { run } = withPeer()
    expect(ofKind(run(30_000), 'apply')).toEqual([])
  })

  it('is sent again after it was refused, and after the helper came back', () => {
    const { take, connect } = withPeer()
    const fault = { kind: 'system', message: 'no', reason: 'system', remedy: 'none' } as const
    expect(ofKind(take({ kind: 'apply-failed', fault }), 'apply')).toHaveLength(1)
    take({ kind: 'helper-disconnected', reason: 'gone' })
    expect(ofKind(take({ kind: 'recheck' }), 'apply')).toEqual([])
    expect(ofKind(connect([HOME]), 'apply')).toHaveLength(1)
  })
})

describe('the pace of probes', () => {
  it('is a burst of fifty and three hundred a second, however many members there are', () => {
    const world = oneNode()
    world.connect([HOME])
    const first = Array.from({ length: 40 }, (_, i) => {
      const peer = world.membership.admit(`peer-${i}`)
      const candidates = [1, 2, 3, 4].map((n) => host(`203.0.113.${n}:${i + 1}`))
      return world.hear(world.recordOf(peer, { candidates }))
    }).flat()
    expect(ofKind(first, 'probe')).toHaveLength(50)
    expect(ofKind(world.run(1_000), 'probe').length).toBeLessThanOrEqual(300)
    const all = ofKind(world.run(120_000), 'probe').length + 350
    // None is forgotten: each address has its whole round.
    expect(all).toBeGreaterThanOrEqual(160 * 11)
  })

  it('is nothing while no helper is connected', () => {
    const world = oneNode()
    const peer = world.membership.admit('peer')
    const effects = world.hear(world.recordOf(peer, { candidates: [host('203.0.113.5:5')] }))
    expect(ofKind([...effects, ...world.run(10_000)], 'probe')).toEqual([])
  })
})

describe('whom a node dials and asks', () => {
  function withHubs(count: number) {
    const world = oneNode()
    world.connect([HOME])
    for (let i = 1; i <= count; i++) {
      const ip = `198.51.100.${i}`
      const peer = world.membership.admit(`hub-${i}`)
      const stunServers = [at(`${ip}:1`), at(`${ip}:2`)]
      world.hear(world.recordOf(peer, { dialAddresses: [`/ip4/${ip}/tcp/1`], stunServers }))
    }
    return world
  }

  it('are at most four members, the same whatever the order in which they were heard of', () => {
    const { node } = withHubs(9)
    node.dialTargetsText = ''
    const [effect] = ofKind(dialTargets(node), 'dial-targets')
    const shuffled = new Map([...node.peers].toReversed())
    const [other] = ofKind(
      dialTargets({ ...node, peers: shuffled, dialTargetsText: '' }),
      'dial-targets',
    )
    expect(effect?.targets).toHaveLength(4)
    expect(other).toEqual(effect)
  })

  it('are mostly the same after one member went', () => {
    const { node } = withHubs(9)
    node.dialTargetsText = ''
    const ids = () =>
      ofKind(dialTargets(node), 'dial-targets')[0]!.targets.map((target) => target.node)
    const before = ids()
    removePeer(node, before[0]!)
    expect(ids().slice(0, 3)).toEqual(before.slice(1))
  })

  it('are asked for our mapping by turns, one address of each host first', () => {
    const servers = stunServerAddresses(withHubs(3).node)
    const hosts = servers.map((address) => address.split(':')[0])
    expect(new Set(hosts.slice(0, 3)).size).toBe(3)
    expect(servers).toHaveLength(6)
  })
})

describe('a key', () => {
  it('is written in base64 as Buffer does it', () => {
    const { entropy } = new SeededRandom(3, 'keys')
    for (let length = 0; length < 40; length++) {
      const bytes = entropy(length)
      expect(hexToBase64(toHex(bytes))).toBe(Buffer.from(bytes).toString('base64'))
    }
    expect(() => hexToBase64('0')).toThrow(RangeError)
  })
})

describe('a member that claims the session keys of another', () => {
  const claims = ['wireguardKey', 'probeKey'] as const

  it.each(claims)('(%s) is no peer while that one is a member, and harms nobody', (key) => {
    const { membership, hear, recordOf, node, now, peer } = withPeer()
    const thief = membership.admit('thief', { [key]: peer.certificate[key] })
    hear(recordOf(thief))
    expect(planOf(node, now()).peers.map((one) => one.node)).toEqual([peer.certificate.node])
    hear(recordOf(peer, { version: now().wall + 1, present: false }))
    hear(recordOf(thief, { version: now().wall + 1 }))
    expect(planOf(node, now()).peers.map((one) => one.node)).toEqual([thief.certificate.node])
  })

  it.each(claims)('(%s) is no peer of that one', (key) => {
    const { membership, hear, recordOf, node, now, self } = withPeer()
    const thief = membership.admit('thief', { [key]: self.certificate[key] })
    hear(recordOf(thief))
    expect(planOf(node, now()).peers).toHaveLength(1)
  })

  it('goes on with those that it had', () => {
    const { membership, hear, recordOf, node, now, peer } = withPeer()
    const other = membership.admit('other')
    hear(recordOf(other))
    const before = planOf(node, now()).peers
    const { wireguardKey } = peer.certificate
    const edit = membership.edit(other, { wireguardKey })
    if (edit.kind !== 'certificate') throw new Error(edit.kind)
    const { certificate, envelope: certificateBytes } = edit
    hear(recordOf({ ...other, certificate, certificateBytes }, { version: now().wall + 1 }))
    expect(planOf(node, now()).peers).toEqual(before)
  })
})
