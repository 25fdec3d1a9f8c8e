// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import {
  createBehaviourDiscovery,
  discoverAgain,
  discoveryDeadline,
  discoveryMessages,
  receiveDiscovery,
  restartDiscovery,
} from '../../nat/behaviour-discovery.ts'
import { type Instant, instant } from '../../nat/clock.ts'
import type { SideMessage } from '../../nat/side-socket.ts'
import type { BindingOptions, StunMessage } from '../../nat/stun-codec.ts'
import { type NatKindName, natKindNames, natKinds } from '../../netns-lab/nat-kinds.ts'
import { SimulatedNat } from '../sim/nat.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { encode, simulatedStun } from '../sim/simulated-stun.ts'
import { at } from './literal.ts'

const SERVER = at('198.51.100.10:3478')
const OTHER = at('198.51.100.11:3479')
const OTHER_IP = at('198.51.100.11:3478')
const OTHER_PORT = at('198.51.100.10:3479')
const MEMBER = at('198.51.100.20:41820')

interface World {
  readonly kind: NatKindName
  readonly hairpin?: boolean
  readonly servers?: readonly TransportAddress[]
  /** Addresses of the server that answer nobody. */
  readonly dead?: readonly TransportAddress[]
  /** What arrives beside what should, as a forger sends it. */
  readonly forge?: (
    sent: SideMessage & { kind: 'send' },
  ) => { from: TransportAddress; message: StunMessage }[]
}

/** A host behind a NAT, a coturn with two addresses, and a member that has one. */
function host({ kind, hairpin = false, servers = [SERVER, MEMBER], dead = [], forge }: World) {
  const random = new SeededRandom(1, 'discovery')
  const nat = new SimulatedNat({ kind, externalIps: ['203.0.113.1'], random, hairpin })
  const ip = nat.translates ? '192.168.1.10' : '203.0.113.77'
  const discovery = createBehaviourDiscovery(instant(0))
  const ports = new Map<string, number>()
  let nowMs = 0
  let drawn = 50_000
  const sent: TransportAddress[] = []
  const moment = () => ({
    now: instant(nowMs),
    entropy: random.entropy.bind(random),
    codec: simulatedStun,
    servers: () => servers,
    localIps: () => new Set([ip]),
  })
  const arrive = (inner: TransportAddress, from: TransportAddress, message: StunMessage) => {
    for (const [socket, port] of ports)
      if (at(`${ip}:${port}`) === inner)
        receiveDiscovery(discovery, socket, from, encode(message), simulatedStun)
  }
  const answer = (
    request: StunMessage & BindingOptions,
    to: TransportAddress,
    seen: TransportAddress,
  ) => {
    const isMember = to === MEMBER
    const here = addressParts(to)
    const there = addressParts(here.ip === addressParts(OTHER).ip ? SERVER : OTHER)
    if (dead.includes(to)) return
    const { transaction, changeAddress, changePort } = request
    if (isMember && (changeAddress === true || changePort === true)) return
    const otherPort = here.port === 3478 ? 3479 : 3478
    const from = at(
      `${changeAddress === true ? there.ip : here.ip}:${changePort === true ? otherPort : here.port}`,
    )
    if (dead.includes(from)) return
    const inner = nat.inbound(seen, isMember ? to : from, nowMs)
    const other = isMember ? {} : { otherAddress: at(`${there.ip}:${otherPort}`) }
    if (inner !== undefined)
      arrive(inner, isMember ? to : from, {
        type: 'binding-success',
        transaction,
        mapped: seen,
        ...other,
      })
  }
  const send = (message: SideMessage) => {
    if (message.kind === 'close') return void ports.delete(message.socket)
    const port = ports.get(message.socket) ?? ++drawn
    ports.set(message.socket, port)
    sent.push(message.to)
    const own = at(`${ip}:${port}`)
    for (const { from, message: forged } of forge?.(message) ?? [])
      receiveDiscovery(discovery, message.socket, from, encode(forged), simulatedStun)
    const seen = nat.outbound(own, message.to, nowMs)
    if (seen === undefined) return
    const request = simulatedStun.decode(message.payload)
    if (!request.ok) return
    if (addressParts(message.to).ip !== addressParts(seen).ip)
      return answer(request.value, message.to, seen)
    const inner = hairpin || !nat.translates ? nat.inbound(message.to, seen, nowMs) : undefined
    if (inner !== undefined) arrive(inner, seen, request.value)
  }
  const messages = () => discoveryMessages(discovery, moment())
  return {
    discovery,
    nat,
    sent,
    ports,
    moment,
    /** Until nothing is left to do before then. */
    run(untilMs: number) {
      for (;;) {
        // Answers come at once, and each one is a reason to look again.
        for (let due = messages(); due.length > 0; due = messages()) due.forEach(send)
        const next: Instant | undefined = discoveryDeadline(discovery)
        if (next === undefined || next > untilMs) return discovery.found
        nowMs = Math.max(nowMs, next)
      }
    },
  }
}

describe('NAT behaviour discovery', () => {
  it.each(natKindNames)('says of %s what the lab builds', (kind) => {
    const { filtering, mapping } = natKinds[kind]
    const found = host({ kind }).run(20_000)
    const isBlocked = filtering === 'blocked'
    expect(found?.filtering).toBe(isBlocked ? 'unknown' : filtering)
    // Whether there is a NAT at all, the addresses of the one port tell.
    const seen = mapping === 'none' ? 'endpoint-independent' : mapping
    expect(found?.mapping).toBe(isBlocked ? 'unknown' : seen)
  })

  it.each([
    [true, 'port-restricted'],
    [false, 'port-restricted'],
    [true, 'full-cone'],
  ] as const)('sees whether the NAT turns packets back (%s, %s)', (hairpin, kind) => {
    expect(host({ kind, hairpin }).run(20_000)?.hairpin).toBe(hairpin)
  })

  it('asks nobody whether packets are turned back where there is no NAT', () => {
    expect(host({ kind: 'none' }).run(20_000)?.hairpin).toBeNull()
  })

  it('uses the first server that has two addresses, and says so if none has', () => {
    expect(host({ kind: 'full-cone', servers: [MEMBER, SERVER] }).run(20_000)?.filtering).toBe(
      'endpoint-independent',
    )
    const found = host({ kind: 'full-cone', servers: [MEMBER], hairpin: true }).run(20_000)
    expect(found).toEqual({
      filtering: 'unknown',
      mapping: 'unknown',
      hairpin: true,
      evidence: `no second address to answer from (RFC 5780) at ${MEMBER}`,
    })
  })

  it('draws no conclusion from the silence of addresses that are always silent', () => {
    const found = host({ kind: 'full-cone', dead: [OTHER, OTHER_IP] }).run(20_000)
    expect(found).toMatchObject({ filtering: 'unknown', mapping: 'unknown' })
    expect(found?.evidence).toContain('does not answer at all')
    const half = host({ kind: 'restricted-cone', dead: [OTHER_PORT] }).run(20_000)
    expect(half).toMatchObject({ filtering: 'unknown', mapping: 'unknown' })
  })

  it('is fooled by no answer with another transaction or from another source', () => {
    const forge: World['forge'] = ({ payload, to }) => {
      const request = simulatedStun.decode(payload)
      const transaction = request.ok ? request.value.transaction : ''
      const lie = { type: 'binding-success', mapped: at('192.0.2.66:6') } as const
      return [
        { from: at('192.0.2.66:3478'), message: { ...lie, transaction } },
        { from: to, message: { ...lie, transaction: 'f'.repeat(24) } },
        { from: OTHER, message: { ...lie, transaction: '0'.repeat(24) } },
      ]
    }
    const found = host({ kind: 'port-restricted', forge }).run(20_000)
    expect(found).toMatchObject({
      filtering: 'address-and-port-dependent',
      mapping: 'endpoint-independent',
    })
  })

  it('sends a few packets, leaves no socket open, and rests for hours', () => {
    const world = host({ kind: 'symmetric' })
    world.run(60_000)
    expect(world.sent.length).toBeLessThan(30)
    expect(world.ports.size).toBe(0)
    expect(discoveryDeadline(world.discovery)).toBeGreaterThan(3_600_000)
  })

  it('rests as long where no server has two addresses', () => {
    const world = host({ kind: 'full-cone', servers: [MEMBER] })
    world.run(60_000)
    expect(discoveryDeadline(world.discovery)).toBeGreaterThan(3_600_000)
  })

  it('keeps its result while it looks again, and forgets it in another network', () => {
    const world = host({ kind: 'full-cone' })
    world.run(20_000)
    world.nat.become('port-restricted')
    discoverAgain(world.discovery, instant(20_000))
    expect(world.discovery.found?.filtering).toBe('endpoint-independent')
    expect(world.run(40_000)?.filtering).toBe('address-and-port-dependent')
    restartDiscovery(world.discovery, instant(40_000))
    expect(world.discovery.found).toBeUndefined()
  })

  it('waits while no server has answered', () => {
    const world = host({ kind: 'full-cone', servers: [] })
    expect(world.run(20_000)).toBeUndefined()
    expect(discoveryDeadline(world.discovery)).toBeUndefined()
  })
})
