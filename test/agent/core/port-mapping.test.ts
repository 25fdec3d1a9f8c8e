// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../agent/core/effect.ts'
import { rememberObserver } from '../../../agent/core/observe.ts'
import { netcheckOf } from '../../../agent/core/netcheck-report.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import { pcpResponse } from '../../nat/scripted-router.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode, PORT } from './one-node.ts'

const HOME = link('eth0', '192.168.1.10/24')
const GATEWAY = { address: '192.168.1.1', local: '192.168.1.10' }

/** A node at home, and a router that grants what PCP asks of it. */
function atHome(config: Parameters<typeof oneNode>[0] = {}) {
  const world = oneNode({ portMapping: true, ...config })
  world.connect([HOME])
  const asked: Uint8Array[] = []
  const grant = (effects: readonly Effect[], ip = '203.0.113.7'): Effect[] => {
    const sent = ofKind(effects, 'send-to-gateway').filter(({ payload }) => payload[0] === 2)
    return [
      ...effects,
      ...sent.flatMap(({ payload }) => {
        asked.push(payload)
        const port = payload[36] === 17 ? 50_000 : 50_001
        const answer = pcpResponse(payload, { epochS: 1, lifetimeS: 7_200, port, ip })
        const event = { kind: 'gateway-datagram', from: GATEWAY.address, payload: answer } as const
        return grant(world.take(event), ip)
      }),
    ]
  }
  const meet = (gateway = GATEWAY) => world.take({ kind: 'gateway', gateway })
  const self = () => statusOf(world.node, world.now()).self
  return { ...world, asked, grant, meet, self }
}

describe('a host whose router forwards its ports', () => {
  it('says so: a mapped candidate, both ports to dial, a STUN server and a hub', () => {
    const { node, grant, meet, run } = atHome()
    grant(meet())
    run(200)
    const { candidates, dialAddresses, stunServers, relay } = node.own!.record
    expect(candidates).toEqual([
      { kind: 'host', address: `192.168.1.10:${PORT}` },
      { kind: 'mapped', address: '203.0.113.7:50000' },
    ])
    expect(dialAddresses).toEqual(['/ip4/203.0.113.7/tcp/50001'])
    expect(stunServers).toEqual(['203.0.113.7:50000'])
    expect(relay).toBe(true)
  })

  it('is no server for others as long as only UDP is mapped', () => {
    const { node, meet, take, run } = atHome()
    const [request] = ofKind(meet(), 'send-to-gateway')
    const answer = { epochS: 1, lifetimeS: 7_200, port: 50_000, ip: '203.0.113.7' }
    const payload = pcpResponse(request!.payload, answer)
    take({ kind: 'gateway-datagram', from: GATEWAY.address, payload })
    run(200)
    const { candidates, dialAddresses, stunServers, relay } = node.own!.record
    expect(candidates.map(({ kind }) => kind)).toEqual(['host', 'mapped'])
    expect({ dialAddresses, stunServers, relay }).toEqual({
      dialAddresses: [],
      stunServers: [],
      relay: false,
    })
  })

  it('names an address once that STUN servers see as well', () => {
    const server = at('198.51.100.1:3478')
    const { node, grant, meet, run, answerStun, connect } = atHome({ stunServers: [server] })
    answerStun(connect([HOME]), server, at('203.0.113.7:50000'))
    grant(meet())
    run(200)
    expect(node.own!.record.candidates.map(({ kind }) => kind)).toEqual(['host', 'mapped'])
  })

  it('does not take those who come in by the forwarded port for a sign that the NAT maps by destination', () => {
    const servers = [at('198.51.100.1:3478'), at('198.51.100.2:3478')]
    const { node, grant, meet, answerStun, connect } = atHome({ stunServers: servers })
    const asks = connect([HOME])
    for (const server of servers) answerStun(asks, server, at('203.0.113.7:7'))
    grant(meet())
    rememberObserver(node, at('198.51.100.3:1'), at('203.0.113.7:50000'))
    expect(netcheckOf(node).nat.mapping).toBe('endpoint-independent')
  })

  it('shows in its status what is mapped and for how long, and in netcheck what was answered', () => {
    const { grant, meet, self, run, node } = atHome()
    grant(meet())
    run(100_000)
    expect(self().nat).toMatchObject({
      portMapping: {
        protocol: 'pcp',
        external: '203.0.113.7:50000',
        externalTcp: '203.0.113.7:50001',
        expiresInS: 7_100,
      },
      whyNoPortMapping: null,
    })
    expect(netcheckOf(node)).toMatchObject({
      dialable: true,
      portMapping: { gateway: '192.168.1.1', pcp: 'granted', natPmp: 'no answer' },
    })
  })

  it('offers nothing that is only behind another NAT, and says why', () => {
    const { node, grant, meet, self, run } = atHome()
    grant(meet(), '100.64.3.3')
    run(200)
    expect(node.own!.record.candidates.map(({ kind }) => kind)).toEqual(['host'])
    expect(self().nat.whyNoPortMapping).toContain('behind another NAT')
  })

  it('gives the ports back when it leaves or ends, and asks for nothing after that', () => {
    for (const kind of ['leave', 'release-ports'] as const) {
      const { grant, meet, take, run, node } = atHome()
      grant(meet())
      run(1_000)
      const released = ofKind(take({ kind }), 'send-to-gateway')
      expect(released.map(({ payload }) => new DataView(payload.buffer).getUint32(4))).toEqual([
        0, 0,
      ])
      run(200)
      expect(node.own!.record.candidates.map(({ kind }) => kind)).not.toContain('mapped')
      take({ kind: 'gateway', gateway: GATEWAY })
      expect(ofKind(run(100_000_000), 'send-to-gateway')).toEqual([])
    }
  })

  it('asks with the same nonce after it was killed and started again', () => {
    const [before, after] = [atHome(), atHome()]
    before.grant(before.meet())
    after.grant(after.meet())
    const nonces = (asked: Uint8Array[]) => asked.map((payload) => payload.slice(24, 36))
    expect(nonces(after.asked)).toEqual(nonces(before.asked))
    expect(new Set(nonces(before.asked).map(String)).size).toBe(2)
  })

  it('asks anew as soon as the NAT has another mapping for it', () => {
    const server = at('198.51.100.1:3478')
    const { grant, meet, run, answerStun, connect } = atHome({ stunServers: [server] })
    answerStun(connect([HOME]), server, at('203.0.113.7:7'))
    grant(meet())
    const asks = run(26_000)
    expect(ofKind(asks, 'send-to-gateway')).toEqual([])
    const effects = answerStun(asks, server, at('203.0.113.7:8'))
    expect(ofKind(effects, 'send-to-gateway')).toHaveLength(2)
  })
})

describe('the gateway', () => {
  it('is looked for at the start, every half minute, and when links change', () => {
    const { run, connect } = oneNode({ portMapping: true })
    expect(ofKind(connect([HOME]), 'find-gateway')).toHaveLength(1)
    expect(ofKind(run(90_000), 'find-gateway')).toHaveLength(3)
    expect(ofKind(connect([HOME]), 'find-gateway')).toHaveLength(1)
  })

  it('is asked for nothing by a host with a global address, or where it was switched off', () => {
    const { meet, self } = atHome()
    expect(
      ofKind(meet({ address: '203.0.113.1', local: '203.0.113.11' }), 'send-to-gateway'),
    ).toEqual([])
    expect(self().nat.whyNoPortMapping).toBe('this host has a global address of its own')
    const off = atHome({ portMapping: false })
    expect(ofKind([...off.meet(), ...off.run(100_000)], 'find-gateway')).toEqual([])
    expect(off.self().nat.whyNoPortMapping).toBe('port_mapping = false in the configuration')
  })

  it('is given back when it is switched off, and asked for again when it is switched on', () => {
    const { node, take, run, meet, grant, self, asked } = atHome()
    grant(meet())
    expect(self().nat.portMapping).not.toBeNull()
    const settings = (portMapping: boolean) =>
      ({ kind: 'reconfigured', settings: { ...node.config, portMapping } }) as const
    expect(ofKind(take(settings(false)), 'send-to-gateway').length).toBeGreaterThan(0)
    expect(self().nat.portMapping).toBeNull()
    expect(ofKind(run(100_000), 'send-to-gateway')).toEqual([])
    const before = asked.length
    grant([...take(settings(true)), ...meet(), ...run(1_000)])
    expect(asked.length).toBeGreaterThan(before)
    expect(self().nat.portMapping).not.toBeNull()
  })

  it('keeps its mapping when it is found again, and loses it when it is another one', () => {
    const { meet, grant, self } = atHome()
    grant(meet())
    expect(ofKind(meet(), 'send-to-gateway')).toEqual([])
    expect(self().nat.portMapping).not.toBeNull()
    meet({ ...GATEWAY, address: '192.168.1.254' })
    expect(self().nat.portMapping).toBeNull()
  })
})
