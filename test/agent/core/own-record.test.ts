// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode, PORT } from './one-node.ts'

const HOME = link('eth0', '192.168.1.10/24', 'fe80::1/64')
const SERVER = at('198.51.100.1:3478')
const MAPPED = at('203.0.113.1:7')

function candidates({ node }: ReturnType<typeof oneNode>) {
  return node.own?.record.candidates.map(({ kind, address }) => `${kind} ${address}`)
}

describe('what a node says of itself', () => {
  it('names the usable addresses of its links, with its one port', () => {
    const world = oneNode()
    world.connect([
      HOME,
      link('eth1', '2001:db8::10/64', '10.1.1.1/8', '127.0.0.1/8', '169.254.3.3/16'),
      link('docker0', '172.17.0.1/16'),
      { ...link('wlan0', '192.168.7.7/24'), up: false },
    ])
    world.run(200)
    expect(candidates(world)).toEqual([
      `host 10.1.1.1:${PORT}`,
      `host 192.168.1.10:${PORT}`,
      `host [2001:db8::10]:${PORT}`,
    ])
  })

  it('never names an address inside the mesh: the control plane must not ride what it repairs', () => {
    const world = oneNode()
    const { ipv4, ipv6 } = world.self.certificate
    world.connect([link('other0', `${ipv4}/16`, `${ipv6}/48`, '10.77.9.9/16', '10.78.0.1/16')])
    world.run(200)
    expect(candidates(world)).toEqual([`host 10.78.0.1:${PORT}`])
  })

  it('names no private address of another tunnel: what is sent there is wrapped twice', () => {
    const world = oneNode()
    const tunnel = { ...link('wg0', '10.99.0.1/24', 'fd99::1/64', '2001:db8::7/64'), tunnel: true }
    world.connect([HOME, tunnel])
    world.run(200)
    expect(candidates(world)).toEqual([`host 192.168.1.10:${PORT}`, `host [2001:db8::7]:${PORT}`])
  })

  it('names where STUN servers see it, once they have answered', () => {
    const world = oneNode({ stunServers: [SERVER] })
    world.answerStun(world.connect([HOME]), SERVER, MAPPED)
    const said = ofKind(world.run(200), 'publish')
    expect(said).toHaveLength(1)
    expect(candidates(world)).toEqual([`host 192.168.1.10:${PORT}`, `server-reflexive ${MAPPED}`])
  })

  it('is dialable and serves STUN if it has an address of the internet, or is told that it has', () => {
    const open = oneNode()
    open.connect([link('eth0', '198.51.100.9/24')])
    open.run(200)
    expect(open.node.own?.record).toMatchObject({
      dialAddresses: ['/ip4/198.51.100.9/tcp/41821'],
      stunServers: [`198.51.100.9:${PORT}`],
    })
    const forwarded = oneNode({ advertise: [at('203.0.113.5:9000')] })
    forwarded.connect([HOME])
    forwarded.run(200)
    expect(forwarded.node.own?.record.dialAddresses).toEqual(['/ip4/203.0.113.5/tcp/9000'])
    const closed = oneNode({ stunServer: false })
    closed.connect([link('eth0', '198.51.100.9/24')])
    closed.run(200)
    expect(closed.node.own?.record.stunServers).toEqual([])
  })

  it('follows the configuration file when that is read again', () => {
    const world = oneNode()
    world.connect([HOME])
    world.run(200)
    const settings = {
      ...world.node.config,
      mtu: 1400,
      advertise: [at('203.0.113.5:9000')],
      isExcludedInterface: (name: string) => name === 'eth0',
    }
    const effects = [...world.take({ kind: 'reconfigured', settings }), ...world.run(10_000)]
    expect(ofKind(effects, 'publish')).toHaveLength(1)
    expect(candidates(world)).toEqual(['host 203.0.113.5:9000'])
    const applied = ofKind(effects, 'apply').map(({ desired }) => desired.device?.mtu)
    expect(new Set(applied)).toEqual(new Set([1400]))
  })

  it('is saved before it is said', () => {
    const world = oneNode()
    const kinds = world.connect([HOME]).map((effect) => effect.kind)
    expect(kinds.indexOf('save-record')).toBeLessThan(kinds.indexOf('publish'))
    expect(kinds).toContain('publish')
  })

  it('is repeated every minute, each time as a newer version', () => {
    const world = oneNode()
    world.connect([HOME])
    const said = ofKind(world.run(600_000), 'publish')
    expect(said.length).toBeGreaterThanOrEqual(9)
    expect(said.length).toBeLessThanOrEqual(11)
  })

  it('becomes one record if many things change at once', () => {
    const world = oneNode()
    world.connect([HOME])
    const effects = [1, 2, 3, 4, 5].flatMap((i) =>
      world.helperEvent({ method: 'links-changed', links: [link('eth0', `192.168.1.${i}/24`)] }),
    )
    effects.push(...world.run(1_000))
    expect(ofKind(effects, 'publish')).toHaveLength(1)
    expect(candidates(world)).toEqual([`host 192.168.1.5:${PORT}`])
  })

  it('outgrows what the network knows of it, although the clock went back', () => {
    const world = oneNode()
    world.connect([HOME])
    const future = world.now().wall + 3_600_000
    world.hear(world.recordOf(world.self, { version: future }))
    world.run(200)
    expect(world.node.own?.record.version).toBe(future + 1)
  })

  it('outgrows what an earlier run said', () => {
    const last = oneNode().now().wall + 5_000
    const world = oneNode({ lastOwnVersion: last })
    world.connect([HOME])
    expect(world.node.own?.record.version).toBe(last + 1)
  })

  it('is a farewell when it leaves, and then nothing more', () => {
    const world = oneNode()
    world.connect([HOME])
    world.run(1_000)
    const effects = [...world.take({ kind: 'leave' }), ...world.run(600_000)]
    expect(ofKind(effects, 'publish')).toHaveLength(1)
    expect(world.node.own?.record).toMatchObject({
      present: false,
      candidates: [],
      stunServers: [],
    })
  })
})

describe('the record of a node that was restarted', () => {
  /** A node that has said where it is, and one that begins with what that one has left on the disk. */
  function restarted() {
    const before = oneNode({ stunServers: [SERVER] })
    before.answerStun(before.connect([HOME]), SERVER, MAPPED)
    before.run(1_000)
    const { envelope, record } = before.node.own!
    const world = oneNode({ stunServers: [SERVER], lastOwnVersion: record.version })
    world.sleep(2_000)
    return { world, before: record, effects: world.hear(envelope, false) }
  }

  it('stays as it was until helper and STUN server have told where the node is', () => {
    const { world, before, effects } = restarted()
    expect(ofKind(effects, 'publish')).toEqual([])
    effects.push(...world.run(500))
    const asked = world.connect([HOME])
    expect(ofKind([...effects, ...asked, ...world.run(200)], 'publish')).toEqual([])
    expect(world.node.own?.record).toEqual(before)
    expect(ofKind(world.answerStun(asked, SERVER, MAPPED), 'publish')).toHaveLength(1)
    expect(world.node.own?.record.candidates).toEqual(before.candidates)
  })

  it('gives way after a moment if no helper comes, and at once when the node leaves', () => {
    const { world } = restarted()
    expect(ofKind(world.run(4_000), 'publish')).toHaveLength(1)
    expect(world.node.own?.record.candidates).toEqual([])
    const leaver = restarted().world
    const effects = [...leaver.take({ kind: 'leave' }), ...leaver.run(200)]
    expect(ofKind(effects, 'publish')).toHaveLength(1)
    expect(leaver.node.own?.record.present).toBe(false)
  })

  it('is made anew if it is not the last one that the node made, or was not its own word', () => {
    const { before } = restarted()
    const world = oneNode({ lastOwnVersion: before.version + 1 })
    const effects = world.hear(world.recordOf(world.self, { version: before.version }), false)
    expect(ofKind(effects, 'publish')).toHaveLength(1)
  })
})

describe('the mapping behaviour that a node reports', () => {
  const OTHER = at('198.51.100.2:3478')

  it('follows a NAT that was switched off and on', () => {
    const world = oneNode({ stunServers: [SERVER, OTHER] })
    const asked = world.connect([HOME])
    for (const server of [SERVER, OTHER]) world.answerStun(asked, server, MAPPED)
    world.node.seenByPeers.set(at('192.0.2.9:5'), MAPPED)
    world.run(200)
    expect(world.node.own?.record.nat.mapping).toBe('endpoint-independent')
    const anew = at('203.0.113.1:8')
    const again = world.run(26_000)
    for (const server of [SERVER, OTHER]) world.answerStun(again, server, anew)
    world.run(200)
    // What peers saw through the old mapping must not make it look dependent on addresses.
    expect(world.node.own?.record.nat.mapping).toBe('endpoint-independent')
    expect(world.node.own?.record.candidates.map((c) => c.address)).toContain(anew)
  })

  it('is looked at anew when a direct path goes down: the NAT may have forgotten it', () => {
    const world = oneNode({ stunServers: [SERVER] })
    world.answerStun(world.connect([HOME]), SERVER, MAPPED)
    const peer = world.membership.admit('peer')
    const endpoint = at('203.0.113.5:5')
    const candidate = { kind: 'host', address: endpoint } as const
    const heard = world.hear(world.recordOf(peer, { candidates: [candidate] }))
    const { transaction } = ofKind(heard, 'probe')[0]!
    const { helperName } = peer
    const reply = { endpoint, transaction, rttUs: 1_000, observed: MAPPED }
    world.helperEvent({ method: 'probe-reply', peer: helperName, ...reply })
    world.run(5_000)
    const path = `direct:${endpoint}`
    const reason = 'three probes were not answered'
    const effects = world.helperEvent({ method: 'path-down', peer: helperName, path, reason })
    expect(ofKind(effects, 'send-datagram').map(({ to }) => to)).toEqual([SERVER])
  })

  it('counts what peers see as well as what servers see', () => {
    const world = oneNode({ stunServers: [SERVER] })
    world.answerStun(world.connect([HOME]), SERVER, MAPPED)
    world.node.seenByPeers.set(at('192.0.2.9:5'), at('203.0.113.1:9'))
    world.run(200)
    expect(world.node.own?.record.nat.mapping).toBe('address-and-port-dependent')
  })
})
