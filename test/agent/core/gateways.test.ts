// SPDX-License-Identifier: Apache-2.0
/** A prefix of two gateways, of which one drains, as a member and as the gateways themselves see it. */
import { describe, expect, it } from 'vitest'
import {
  GATEWAY_BACK_MS,
  GATEWAY_LOST_MS,
  LATE_ANSWER_MS,
  PREFIX_HOLD_MS,
} from '../../../agent/core/constants.ts'
import { planOf } from '../../../agent/core/want.ts'
import type { Member } from '../../sim/membership.ts'
import { gatewayThatGoes, SHARED, withPath } from './gateway-that-goes.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const PREFIX = '192.168.77.0/24'
const [BEFORE_MS, AFTER_MS] = [PREFIX_HOLD_MS - 1, 2]

function withGateways() {
  const world = oneNode()
  world.connect([link('eth0', '192.168.1.10/24')])
  const gateways = ['east', 'west']
    .map((name) => world.membership.admit(name, { prefixes: [PREFIX] }))
    .sort((a, b) => (a.certificate.node < b.certificate.node ? -1 : 1))
  const [first, second] = gateways as [Member, Member]
  for (const gateway of gateways) world.hear(world.recordOf(gateway))
  world.run(1_000)
  const plan = () => planOf(world.node, world.now())
  const peersWith = (list: 'allowedIps' | 'lateIps') =>
    plan().peers.flatMap(({ name, [list]: prefixes }) => (prefixes.includes(PREFIX) ? name : []))
  const say = (gateway: Member, draining: boolean) =>
    world.hear(world.recordOf(gateway, { draining }))
  /** The helper tells of one path to each. */
  const reach = (...up: readonly Member[]) =>
    world.connect(
      [link('eth0', '192.168.1.10/24')],
      [first, second].map((gateway, n) => withPath(gateway, n, up.includes(gateway))),
    )
  return { ...world, first, second, plan, peersWith, say, reach }
}

const nameOf = ({ certificate: { name } }: Member) => name

describe('a prefix of two gateways', () => {
  it('moves a moment after its holder has said that it drains, and so it does back', () => {
    const { first, second, run, say, peersWith } = withGateways()
    for (const [draining, from, to] of [
      [true, first, second],
      [false, second, first],
    ] as const) {
      say(first, draining)
      run(BEFORE_MS)
      expect(peersWith('allowedIps')).toEqual([nameOf(from)])
      run(AFTER_MS)
      expect(peersWith('allowedIps')).toEqual([nameOf(to)])
      expect(peersWith('lateIps')).toEqual([nameOf(from)])
    }
  })

  it('stays where it is if the gateway takes its word back before', () => {
    const { first, run, say, peersWith } = withGateways()
    say(first, true)
    run(BEFORE_MS)
    say(first, false)
    run(AFTER_MS)
    expect(peersWith('allowedIps')).toEqual([nameOf(first)])
  })

  it('moves when no path to its holder has answered for a while, and back when one has for longer', () => {
    const { first, second, run, reach, peersWith } = withGateways()
    reach(first, second)
    for (const [up, holdMs, from, to] of [
      [[second], GATEWAY_LOST_MS, first, second],
      [[first, second], GATEWAY_BACK_MS, second, first],
    ] as const) {
      reach(...up)
      run(holdMs - 1)
      expect(peersWith('allowedIps')).toEqual([nameOf(from)])
      run(AFTER_MS)
      expect(peersWith('allowedIps')).toEqual([nameOf(to)])
    }
  })

  it('stays where it is if its holder answers again before, or the helper is away', () => {
    const { first, second, run, reach, peersWith, take } = withGateways()
    reach(first, second)
    reach(second)
    run(GATEWAY_LOST_MS - 1)
    reach(first, second)
    run(GATEWAY_LOST_MS + AFTER_MS)
    expect(peersWith('allowedIps')).toEqual([nameOf(first)])
    reach(second)
    take({ kind: 'helper-disconnected', reason: 'closed' })
    run(GATEWAY_LOST_MS + AFTER_MS)
    expect(peersWith('allowedIps')).toEqual([nameOf(first)])
  })

  it('is not taken back by one that answers and goes again', () => {
    const { first, second, run, reach, peersWith } = withGateways()
    reach(first, second)
    reach(second)
    run(GATEWAY_LOST_MS + AFTER_MS)
    for (let n = 0; n < 3; n++) {
      reach(first, second)
      run(GATEWAY_BACK_MS - 1)
      reach(second)
      run(AFTER_MS)
      expect(peersWith('allowedIps')).toEqual([nameOf(second)])
    }
  })

  it('is left at once with a gateway that is gone', () => {
    const { first, second, say, peersWith, take, membership } = withGateways()
    say(first, true)
    take({ kind: 'notice', notice: membership.revoke(first) })
    expect(peersWith('allowedIps')).toEqual([nameOf(second)])
  })
})

describe('a gateway', () => {
  function asGateway() {
    const world = withGateways()
    const { node } = world
    const certificate = { ...node.config.certificate, prefixes: [PREFIX, '10.99.0.0/16'] }
    node.config = { ...node.config, certificate }
    return world
  }

  it('tells a helper that knows nothing of late answers nothing of them', () => {
    const { node, take } = asGateway()
    node.helper.features = []
    const applied = JSON.stringify(ofKind(take({ kind: 'drain', draining: true }), 'apply'))
    expect(applied).not.toMatch(/lateFrom|lateIps/)
  })

  it('sends answers twice for a while when it drains and when it no longer does, from prefixes that others have too', () => {
    const { take, run, plan } = asGateway()
    expect(plan().lateFrom).toEqual([])
    for (const draining of [true, false]) {
      const desired = ofKind(take({ kind: 'drain', draining }), 'apply').at(-1)?.desired
      expect(desired?.lateFrom).toEqual([PREFIX])
      run(LATE_ANSWER_MS)
      expect(plan().lateFrom).toEqual([])
    }
  })

  it('does so as soon as another one of the prefix says that it drains, or no longer does', () => {
    const { say, first, run, plan } = asGateway()
    for (const draining of [true, false]) {
      say(first, draining)
      expect(plan().lateFrom).toEqual([PREFIX])
      run(LATE_ANSWER_MS + PREFIX_HOLD_MS)
      expect(plan().lateFrom).toEqual([])
    }
  })

  it('does so as soon as another one of the prefix no longer answers, or does again', () => {
    const { reach, first, second, run, plan } = asGateway()
    reach(first, second)
    for (const up of [[second], [first, second]]) {
      reach(...up)
      expect(plan().lateFrom).toEqual([PREFIX])
      run(LATE_ANSWER_MS)
      expect(plan().lateFrom).toEqual([])
    }
  })

  it('leaves its answers alone when somebody drains who has none of its prefixes', () => {
    const { membership, hear, recordOf, plan } = asGateway()
    const hub = membership.admit('hub')
    hear(recordOf(hub))
    hear(recordOf(hub, { draining: true }))
    expect(plan().lateFrom).toEqual([])
  })
})

describe('what a gateway hands on when it goes', () => {
  it('is a prefix that it has, and that another one that is reached may have', () => {
    const { reach, member, later, handsOn } = gatewayThatGoes()
    reach(member)
    expect(handsOn()).toEqual([])
    reach(member, later)
    expect(handsOn()).toEqual([SHARED])
    reach(member)
    expect(handsOn()).toEqual([])
  })

  it('is nothing while another one has the prefix anyway', () => {
    const { reach, member, earlier, handsOn } = gatewayThatGoes()
    reach(member, earlier)
    expect(handsOn()).toEqual([])
  })

  it('is nothing if the other one says that it goes too', () => {
    const { reach, member, later, handsOn, say } = gatewayThatGoes()
    reach(member, later)
    say(later, { draining: true })
    expect(handsOn()).toEqual([])
  })

  it('is nothing where no member could use it', () => {
    const { reach, later, handsOn } = gatewayThatGoes()
    reach(later)
    expect(handsOn()).toEqual([])
  })

  it('is nothing any more once it has drained for so long that everybody has moved', () => {
    const { reach, member, later, handsOn, take, run } = gatewayThatGoes()
    reach(member, later)
    take({ kind: 'drain', draining: true })
    expect(handsOn()).toEqual([SHARED])
    run(LATE_ANSWER_MS)
    expect(handsOn()).toEqual([])
  })
})
