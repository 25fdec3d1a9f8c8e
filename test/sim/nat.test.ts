// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import { classifyMapping } from '../../nat/behaviour.ts'
import { natKindNames, natKinds, type NatKindName } from '../../netns-lab/nat-kinds.ts'
import { at } from '../nat/literal.ts'
import { SimulatedNat } from './nat.ts'
import { SeededRandom } from './seeded-random.ts'

const INNER = at('192.168.1.10:5000')
const [A1, A2, B1, B2] = [
  '198.51.100.1:1',
  '198.51.100.1:2',
  '198.51.100.2:1',
  '198.51.100.2:2',
].map(at)
const REMOTES = [A1!, A2!, B1!, B2!]

function nat(kind: NatKindName, lifetimeMs = 30_000): SimulatedNat {
  const externalIps = kind === 'address-pool' ? ['203.0.113.1', '203.0.113.2'] : ['203.0.113.1']
  return new SimulatedNat({ kind, externalIps, lifetimeMs, random: new SeededRandom(1, kind) })
}

function portOf(address: TransportAddress | undefined): number {
  return Number(address?.slice(address.lastIndexOf(':') + 1))
}

describe('a simulated NAT', () => {
  it.each(natKindNames)('of kind %s maps as its RFC 4787 name says', (kind) => {
    const box = nat(kind)
    const observations = REMOTES.flatMap((observer) => {
      const mapped = box.outbound(INNER, observer, 0)
      return mapped === undefined ? [] : [{ observer, mapped }]
    })
    const silentServers = REMOTES.length - observations.length
    const { mapping } = classifyMapping({ local: [INNER], observations, silentServers })
    expect(mapping).toBe(
      natKinds[kind].filtering === 'blocked' ? 'udp-blocked' : natKinds[kind].mapping,
    )
  })

  it.each(natKindNames)('of kind %s filters as its RFC 4787 name says', (kind) => {
    const box = nat(kind)
    const mapped = box.outbound(INNER, A1!, 0)
    if (mapped === undefined) return
    const passes = (remote: TransportAddress) => box.inbound(mapped, remote, 1) === INNER
    const open = {
      'endpoint-independent': [true, true, true],
      'address-dependent': [true, true, false],
      'address-and-port-dependent': [true, false, false],
      none: [true, true, true],
      blocked: [false, false, false],
    }[natKinds[kind].filtering]
    expect([A1!, A2!, B1!].map(passes)).toEqual(open)
  })

  it('lets nothing in that nobody asked for, unless it is open', () => {
    const letsIn = natKindNames.filter((kind) => {
      const box = nat(kind)
      box.outbound(at('192.168.1.10:1'), A1!, 0)
      return box.inbound(at('203.0.113.1:5000'), B1!, 1) !== undefined
    })
    expect(letsIn).toEqual(['none', 'dmz'])
  })

  it('forgets a mapping when nothing was sent for its lifetime, and makes a new one', () => {
    const box = nat('port-restricted', 30_000)
    const first = box.outbound(INNER, A1!, 0)!
    expect(box.outbound(INNER, A1!, 29_999)).toBe(first)
    expect(box.inbound(first, A1!, 59_998)).toBe(INNER)
    expect(box.inbound(first, A1!, 59_999)).toBeUndefined()
    expect(box.outbound(INNER, A1!, 60_000)).not.toBe(first)
  })

  it('assigns ports as its kind does', () => {
    const other = at('192.168.1.11:5000')
    expect(portOf(nat('masquerade').outbound(INNER, A1!, 0))).toBe(5_000)
    const shared = nat('masquerade')
    expect(portOf(shared.outbound(INNER, A1!, 0))).toBe(5_000)
    expect(portOf(shared.outbound(other, B1!, 0))).toBe(5_000)
    expect(portOf(shared.outbound(other, A1!, 0))).not.toBe(5_000)
    const keeping = nat('port-restricted-preserving')
    expect(portOf(keeping.outbound(INNER, A1!, 0))).toBe(5_000)
    expect(portOf(keeping.outbound(other, B1!, 0))).not.toBe(5_000)
    const inTurn = nat('symmetric-sequential')
    expect(REMOTES.map((remote) => portOf(inTurn.outbound(INNER, remote, 0)))).toEqual([
      40_000, 40_001, 40_002, 40_003,
    ])
  })
})
