// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../agent/core/effect.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import type { DoorTried } from '../../../topology/ask-frame.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode, PORT } from './one-node.ts'

const PUBLIC = link('eth0', '198.51.100.7/24')
const OWN = at(`198.51.100.7:${PORT}`)
const OPEN = { udp: true, tcp: true }
const SHUT = { udp: false, tcp: false }

type World = ReturnType<typeof oneNode>

/** A neighbour that says it has these addresses. */
function neighbour(world: World, name: string, ...addresses: TransportAddress[]) {
  const member = world.membership.admit(name)
  const candidates = addresses.map((address) => ({ kind: 'host', address }) as const)
  const effects = world.hear(world.recordOf(member, { candidates }))
  const id = member.certificate.node
  effects.push(...world.take({ kind: 'neighbour-up', node: id }))
  return { id, effects }
}

const asked = (effects: readonly Effect[]) => ofKind(effects, 'ask-to-dial').map(({ to }) => to)

function offers({ node }: World) {
  const { dialAddresses, stunServers, relay } = node.own!.record
  return { dialled: dialAddresses.length > 0, stun: stunServers.length > 0, relay }
}

const ALL = { dialled: true, stun: true, relay: true }
const NOTHING = { dialled: false, stun: false, relay: false }

describe('a host with a global address', () => {
  const B = at('198.51.100.8:41820')
  const C = at('198.51.100.9:41820')

  /** One that knows a member, and has not said anything yet. */
  function newcomer() {
    const world = oneNode()
    const first = neighbour(world, 'bob', B)
    const effects = [...world.connect([PUBLIC]), ...world.run(200)]
    return { world, bob: first.id, effects }
  }

  const told = (world: World, by: ReturnType<typeof newcomer>['bob'], result?: DoorTried) => [
    ...world.take({ kind: 'dialled-back', by, result }),
    ...world.run(200),
  ]

  it('offers nothing until a member has got through, and everything from then on', () => {
    const { world, bob, effects } = newcomer()
    expect(ofKind(effects, 'ask-to-dial')).toEqual([
      { kind: 'ask-to-dial', to: bob, udp: OWN, tcp: at('198.51.100.7:41821') },
    ])
    expect(offers(world)).toEqual(NOTHING)
    told(world, bob, OPEN)
    expect(offers(world)).toEqual(ALL)
  })

  it('answers STUN all the same, because that is how it is tried', () => {
    const { effects } = newcomer()
    expect(ofKind(effects, 'apply').at(-1)?.desired.device).toMatchObject({
      stunServer: true,
      relay: false,
    })
  })

  it('offers what is open if only one of the two is', () => {
    const { world, bob } = newcomer()
    told(world, bob, { udp: true, tcp: false })
    world.run(4_000)
    expect(offers(world)).toEqual({ dialled: false, stun: true, relay: true })
  })

  it('is not given up for one that did not get through while another one may', () => {
    const { world, bob } = newcomer()
    const carol = neighbour(world, 'carol', C).id
    expect(asked(told(world, bob, SHUT))).toEqual([carol])
    told(world, carol, OPEN)
    expect(offers(world)).toEqual(ALL)
  })

  it('offers nothing once two did not get through, and is tried again after a while', () => {
    const { world, bob } = newcomer()
    const carol = neighbour(world, 'carol', C).id
    told(world, bob, SHUT)
    told(world, carol, SHUT)
    expect(offers(world)).toEqual(NOTHING)
    expect(asked(world.run(290_000))).toEqual([])
    expect(asked(world.run(20_000))).not.toEqual([])
  })

  it('is taken for open for now if nobody says', () => {
    const { world, bob } = newcomer()
    told(world, bob)
    world.run(5_000)
    expect(offers(world)).toEqual(NOTHING)
    world.run(6_000)
    expect(offers(world)).toEqual(ALL)
  })

  it('is found by the first to come: who knows nobody offers all at once, and keeps it while it is tried', () => {
    const world = oneNode()
    world.connect([PUBLIC])
    world.run(200)
    expect(offers(world)).toEqual(ALL)
    const bob = neighbour(world, 'bob', at('192.168.1.10:41820'))
    expect(asked(bob.effects)).toEqual([bob.id])
    world.run(1_000)
    expect(offers(world)).toEqual(ALL)
    told(world, bob.id, SHUT)
    world.run(5_000)
    expect(offers(world)).toEqual(NOTHING)
  })

  it('asks nobody of its own site, of another family, or without UDP', () => {
    const world = oneNode()
    const udpBlocked = { mapping: 'udp-blocked', filtering: 'unknown', lifetimeMs: null } as const
    neighbour(world, 'same', at('198.51.100.7:5000'))
    neighbour(world, 'other', at('[2001:db8::1]:41820'))
    const muted = world.membership.admit('muted')
    const candidates = [{ kind: 'host', address: B } as const]
    world.hear(world.recordOf(muted, { candidates, nat: udpBlocked }))
    world.take({ kind: 'neighbour-up', node: muted.certificate.node })
    expect(asked([...world.connect([PUBLIC]), ...world.run(60_000)])).toEqual([])
  })

  it('believes what the configuration names', () => {
    const world = oneNode({ advertise: [at('203.0.113.9:41820')] })
    const effects = neighbour(world, 'bob', B).effects
    effects.push(...world.connect([link('eth0', '192.168.1.10/24')]), ...world.run(60_000))
    expect(asked(effects)).toEqual([])
    expect(offers(world)).toEqual(ALL)
  })

  it('goes on being a hub over a restart of its agent, and is tried again', () => {
    const world = oneNode()
    const { id } = neighbour(world, 'bob', B)
    const device = {
      name: 'meshgate0',
      index: 3,
      mtu: 1280,
      listenPort: PORT,
      publicKey: 'k',
      addresses: [],
      stunServer: true,
      relay: true,
    }
    const effects = world.connect([PUBLIC], [], [], device)
    effects.push(...world.run(200))
    expect(offers(world)).toEqual(ALL)
    expect(asked(effects)).toEqual([id])
  })
})
