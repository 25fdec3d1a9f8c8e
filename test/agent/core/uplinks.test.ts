// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../agent/core/effect.ts'
import type { HelperLink } from '../../../agent/core/helper-contract.ts'
import { spareSources } from '../../../agent/core/uplinks.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode, PORT } from './one-node.ts'

const SERVER = at('198.51.100.1:3478')
const CABLE = link('eth0', '192.168.1.10/24')
const RADIO = { ...link('wwan0', '192.168.2.10/24'), spares: ['192.168.2.10'] }
const BY_CABLE = at('203.0.113.1:7')
const BY_RADIO = at('203.0.113.2:8')

type World = ReturnType<typeof oneNode>

/** Answers what left by one uplink, undefined for the kernel's first choice. */
function answer(world: World, effects: readonly Effect[], source: string | undefined) {
  const asked = ofKind(effects, 'send-datagram').filter((sent) => sent.source === source)
  expect(asked).toHaveLength(1)
  return world.answerStun(asked, SERVER, source === undefined ? BY_CABLE : BY_RADIO)
}

function candidates({ node }: World) {
  return node.own?.record.candidates.map(({ kind, address }) => `${kind} ${address}`)
}

function linksNow(world: World, links: readonly HelperLink[]) {
  return world.helperEvent({ method: 'links-changed', links })
}

describe('a host with a spare uplink', () => {
  it('asks STUN servers over each uplink and offers what they see on each', () => {
    const world = oneNode({ stunServers: [SERVER] })
    const effects = world.connect([CABLE, RADIO])
    answer(world, effects, undefined)
    answer(world, effects, '192.168.2.10')
    world.run(200)
    expect(candidates(world)).toEqual([
      `host 192.168.1.10:${PORT}`,
      `host 192.168.2.10:${PORT}`,
      `server-reflexive ${BY_CABLE}`,
      `server-reflexive ${BY_RADIO}`,
    ])
  })

  it("checks a peer's addresses abroad from the spare one as well, and those on links only as the kernel chooses", () => {
    const world = oneNode()
    world.connect([CABLE, RADIO])
    const abroad = { kind: 'server-reflexive', address: at('203.0.113.9:9') } as const
    const near = { kind: 'host', address: at('10.0.0.9:9') } as const
    const probes = [
      ...ofKind(
        world.hear(world.recordOf(world.membership.admit('peer'), { candidates: [near, abroad] })),
        'probe',
      ),
      ...ofKind(world.run(500), 'probe'),
    ]
    const sources = (to: string) =>
      new Set(probes.filter(({ endpoint }) => endpoint === to).map(({ source }) => source))
    expect(sources(abroad.address)).toEqual(new Set([undefined, '192.168.2.10']))
    expect(sources(near.address)).toEqual(new Set([undefined]))
  })

  it('offers no longer what was seen on an uplink that is gone, and asks again when it is back', () => {
    const world = oneNode({ stunServers: [SERVER] })
    answer(world, world.connect([CABLE, RADIO]), '192.168.2.10')
    world.run(200)
    expect(candidates(world)).toContain(`server-reflexive ${BY_RADIO}`)
    linksNow(world, [CABLE])
    world.run(10_000)
    expect(candidates(world)).not.toContain(`server-reflexive ${BY_RADIO}`)
    answer(world, linksNow(world, [CABLE, RADIO]), '192.168.2.10')
    world.run(10_000)
    expect(candidates(world)).toContain(`server-reflexive ${BY_RADIO}`)
  })

  it('takes at most three, of links that are up and not left out by the configuration', () => {
    const world = oneNode()
    const spare = (name: string, address: string, up = true) => ({
      ...link(name, `${address}/24`),
      spares: [address],
      up,
    })
    const addresses = ['192.168.3.1', '192.168.4.1', '192.168.5.1', '192.168.6.1']
    world.connect([
      CABLE,
      spare('docker0', '172.17.0.1'),
      spare('eth9', '192.168.9.1', false),
      ...addresses.map((address, i) => spare(`wan${i}`, address)),
    ])
    expect(spareSources(world.node)).toEqual(addresses.slice(0, 3))
  })
})
