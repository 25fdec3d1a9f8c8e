// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChannelDesk } from '../../../../agent/shell/channel/channel-desk.ts'
import type { ChannelOrder } from '../../../../agent/shell/channel/channel-message.ts'
import { createLog } from '../../../../agent/shell/log.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { type NodeId, nodeIdOf } from '../../../../topology/identity.ts'
import { type Signal, signSignal, verifySignal } from '../../../../topology/signal.ts'
import { address, network, NOW, signalOf, signer } from '../../../topology/sample-network.ts'

const ids = [2, 3, 4, 5].map((letter) => nodeIdOf(signer(letter).publicKey))
/** The lower id's offer stands if both make one. */
const [low, high] = [2, 3].toSorted((a, b) =>
  nodeIdOf(signer(a).publicKey) < nodeIdOf(signer(b).publicKey) ? -1 : 1,
) as [number, number]

const ice = signalOf().ice!
const MESH = address('10.7.0.2:5000')

interface Bench {
  readonly self: NodeId
  readonly desk: ChannelDesk
  readonly orders: ChannelOrder[]
  readonly said: Signal[]
  readonly changes: string[]
}

function benchOf(letter: number): Bench {
  const self = nodeIdOf(signer(letter).publicKey)
  const orders: ChannelOrder[] = []
  const said: Signal[] = []
  const changes: string[] = []
  const desk = new ChannelDesk({
    self,
    network: network.id,
    signer: signer(letter),
    crypto: nodeCrypto,
    log: createLog({ level: 'error', stream: new PassThrough() as never }),
    wall: () => NOW,
    isMeshAddress: (ip) => ip.startsWith('10.7.'),
    helperNameOf: (node) => (ids.includes(node) ? `key of ${node}` : undefined),
    iceServers: () => [],
    order: (order) => orders.push(order),
    signal: (_to, bytes) => {
      const signal = verifySignal(bytes, network.id, nodeCrypto, NOW)
      if (!signal.ok) throw new Error(signal.error)
      said.push(signal.value)
    },
    onChannel: (_node, isOpen, detail) => changes.push(`${isOpen ? 'open' : 'closed'}: ${detail}`),
  })
  return { self, desk, orders, said, changes }
}

const offerTo = (to: NodeId, from: NodeId, session = '0b'.repeat(16)) =>
  signalOf({ from, to, session })

function describeLast({ desk, orders }: Bench): string {
  const opened = orders.findLast((order) => order.kind === 'open')
  if (opened === undefined) throw new Error('nothing was opened')
  const { session } = opened
  desk.takeReport({ kind: 'description', session, ice, candidates: [] })
  return session
}

describe('setting up a data channel', () => {
  test('takes an offer, its answer, and what each side finds later', () => {
    const [a, b] = [benchOf(2), benchOf(3)]
    a.desk.open(b.self)
    const session = describeLast(a)
    expect(a.said.map(({ kind }) => kind)).toEqual(['offer'])
    b.desk.takeSignal(a.said[0]!)
    expect(b.orders).toMatchObject([
      { kind: 'open', session, remote: ice, peer: `key of ${a.self}` },
    ])
    describeLast(b)
    a.desk.takeSignal(b.said[0]!)
    expect(a.orders.at(-1)).toMatchObject({ kind: 'answered', session, remote: ice })
    const late = [{ kind: 'server-reflexive', address: address('198.51.100.9:9') }] as const
    a.desk.takeReport({ kind: 'candidates', session, candidates: late })
    b.desk.takeSignal(a.said[1]!)
    expect(b.orders.at(-1)).toEqual({ kind: 'candidates', session, candidates: late })
    for (const { desk } of [a, b])
      desk.takeReport({ kind: 'opened', session, over: 'host to host' })
    expect([...a.changes, ...b.changes]).toEqual(['open: host to host', 'open: host to host'])
  })

  test('names no address of the mesh, and believes none', () => {
    const a = benchOf(2)
    a.desk.open(ids[1]!)
    const session = (a.orders[0] as { session: string }).session
    const candidates = [{ kind: 'host', address: MESH }] as const
    a.desk.takeReport({ kind: 'description', session, ice, candidates })
    expect(a.said[0]?.candidates).toEqual([])
    a.desk.takeReport({ kind: 'candidates', session, candidates })
    expect(a.said).toHaveLength(1)
    const b = benchOf(3)
    b.desk.takeSignal(signalOf({ candidates }))
    expect(b.orders).toMatchObject([{ kind: 'open', candidates: [] }])
  })

  test('of both sides at once leaves the offer of the lower id', () => {
    const [a, b] = [benchOf(low), benchOf(high)]
    a.desk.open(b.self)
    b.desk.open(a.self)
    describeLast(a)
    const dropped = describeLast(b)
    a.desk.takeSignal(b.said[0]!)
    expect(a.orders.filter(({ kind }) => kind === 'open')).toHaveLength(1)
    b.desk.takeSignal(a.said[0]!)
    expect(b.orders.slice(1)).toMatchObject([
      { kind: 'close', session: dropped },
      { kind: 'open', session: a.said[0]!.session, remote: ice },
    ])
    b.desk.takeReport({ kind: 'closed', session: dropped, reason: 'closed by this side' })
    expect(b.changes).toEqual([])
  })

  test('is asked for once while it is under way', () => {
    const a = benchOf(2)
    a.desk.open(ids[1]!)
    a.desk.open(ids[1]!)
    expect(a.orders).toHaveLength(1)
  })

  test('with no member, or by none, is not begun', () => {
    const a = benchOf(2)
    const stranger = nodeIdOf(signer(77).publicKey)
    a.desk.open(stranger)
    a.desk.takeSignal(offerTo(a.self, stranger))
    expect(a.orders).toEqual([])
    expect(a.changes).toHaveLength(1)
  })

  test('ends with the process that held it, and can begin anew', () => {
    const a = benchOf(2)
    a.desk.open(ids[1]!)
    const session = describeLast(a)
    a.desk.takeReport({ kind: 'opened', session, over: 'host to host' })
    a.desk.lose('SIGKILL')
    expect(a.changes.at(-1)).toBe('closed: the channel process is gone: SIGKILL')
    a.desk.open(ids[1]!)
    expect(a.orders.filter(({ kind }) => kind === 'open')).toHaveLength(2)
  })
})

describe('hostile signals', () => {
  test('a flood of offers from one member begins a handful of sessions, and another member still gets its own', () => {
    const a = benchOf(2)
    const sessionOf = (i: number) => i.toString(16).padStart(32, '0')
    for (let i = 0; i < 1_000; i++) a.desk.takeSignal(offerTo(a.self, ids[1]!, sessionOf(i)))
    const begun = a.orders.filter(({ kind }) => kind === 'open')
    expect(begun.length).toBeLessThanOrEqual(4)
    // One at a time: a later offer of the same member replaces the one that is under way.
    const closed = a.orders.filter(({ kind }) => kind === 'close')
    expect(begun.length - closed.length).toBe(1)
    a.desk.takeSignal(offerTo(a.self, ids[2]!, sessionOf(5_000)))
    expect(a.orders.filter(({ kind }) => kind === 'open')).toHaveLength(begun.length + 1)
  })

  test("answers and candidates of another than the session's member change nothing", () => {
    const a = benchOf(2)
    a.desk.open(ids[1]!)
    const session = describeLast(a)
    const before = a.orders.length
    const [from, to] = [ids[2]!, a.self]
    a.desk.takeSignal(signalOf({ from, to, session, kind: 'answer' }))
    a.desk.takeSignal(signalOf({ from, to, session, kind: 'candidates', ice: null }))
    expect(a.orders).toHaveLength(before)
  })

  test('a second answer is not taken, and of candidates no more than a session may have', () => {
    const a = benchOf(2)
    a.desk.open(ids[1]!)
    const session = describeLast(a)
    const common = { from: ids[1]!, to: a.self, session }
    for (let i = 0; i < 50; i++) {
      a.desk.takeSignal(signalOf({ ...common, kind: 'answer', candidates: [] }))
      a.desk.takeSignal(signalOf({ ...common, kind: 'candidates', ice: null }))
    }
    expect(a.orders.filter(({ kind }) => kind === 'answered')).toHaveLength(1)
    expect(a.orders.filter(({ kind }) => kind === 'candidates').length).toBeLessThanOrEqual(16)
  })

  test('in any order never throw, and never open a second session with a member', () => {
    const kind = fc.constantFrom('offer', 'answer', 'candidates')
    const step = fc.record({ kind, from: fc.nat(2), session: fc.nat(3), sequence: fc.nat(15) })
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const a = benchOf(2)
      for (const { kind, from, session, sequence } of steps) {
        const signal = signalOf({
          from: ids[1 + from]!,
          to: a.self,
          session: `${session}`.repeat(32),
          sequence,
          kind,
          ice: kind === 'candidates' ? null : ice,
        })
        const read = verifySignal(signSignal(signal, signer(3 + from)), network.id, nodeCrypto, NOW)
        if (read.ok) a.desk.takeSignal(read.value)
      }
      const begun = a.orders.filter((order) => order.kind === 'open')
      expect(new Set(begun.map(({ session }) => session)).size).toBe(begun.length)
    })
    fc.assert(property, { numRuns: 50 })
  })
})
