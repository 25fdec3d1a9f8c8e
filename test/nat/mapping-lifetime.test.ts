// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import { type Instant, instant } from '../../nat/clock.ts'
import {
  createLifetimeSurvey,
  lifetimeDeadline,
  lifetimeMessages,
  receiveLifetime,
  restartLifetimeSurvey,
} from '../../nat/mapping-lifetime.ts'
import { answerAddress, bindingSuccess, simulatedStun } from '../sim/simulated-stun.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { at } from './literal.ts'

const SERVER = at('198.51.100.1:3478')
const OTHER = at('198.51.100.2:3478')

interface Router {
  /** How long it keeps a mapping that nobody uses, in either direction. */
  readonly lifetimeMs: number
  /** Servers that know RESPONSE-PORT; others ignore it. */
  readonly able?: readonly TransportAddress[]
  /** Whether an answer gets lost on the way. */
  readonly loses?: (socket: string, nowMs: number) => boolean
  readonly servers?: readonly TransportAddress[]
}

/** Runs a survey behind a router that maps each socket to a port of its own, until nothing is left to do before `untilMs`. */
function surveyed({ lifetimeMs, able = [SERVER, OTHER], loses, servers = [SERVER] }: Router) {
  let nowMs = 0
  const survey = createLifetimeSurvey(instant(0))
  const { entropy } = new SeededRandom(1, 'survey')
  const ports = new Map<string, { port: number; usedMs: number }>()
  const closed = new Set<string>()
  let drawn = 40_000
  let sent = 0
  const moment = () => ({
    now: instant(nowMs),
    entropy,
    codec: simulatedStun,
    servers: () => servers,
  })
  const step = () => {
    for (const message of lifetimeMessages(survey, moment())) {
      if (message.kind === 'close') {
        closed.add(message.socket)
        continue
      }
      sent += 1
      closed.delete(message.socket)
      const known = ports.get(message.socket)
      const isAlive = known !== undefined && nowMs - known.usedMs < lifetimeMs
      const mapping = isAlive ? known : { port: ++drawn, usedMs: nowMs }
      mapping.usedMs = nowMs
      ports.set(message.socket, mapping)
      const from = at(`203.0.113.1:${mapping.port}`)
      const to = able.includes(message.to) ? answerAddress(message.payload, from) : from
      deliver(to, message.to, bindingSuccess(message.payload, from)!)
    }
  }
  const deliver = (to: TransportAddress, from: TransportAddress, payload: Uint8Array) => {
    for (const [socket, mapping] of ports) {
      if (mapping.port !== addressParts(to).port || nowMs - mapping.usedMs >= lifetimeMs) continue
      if (loses?.(socket, nowMs) === true) continue
      mapping.usedMs = nowMs
      receiveLifetime(survey, socket, from, payload, moment())
      // As a node does: whatever arrives makes a step.
      step()
    }
  }
  const run = (untilMs: number) => {
    step()
    for (;;) {
      const deadline: Instant | undefined = lifetimeDeadline(survey)
      if (deadline === undefined || deadline > untilMs) break
      nowMs = Math.max(nowMs, deadline)
      step()
    }
    nowMs = untilMs
  }
  return { survey, run, deliver, ports, closed, sentCount: () => sent, moment }
}

describe('the lifetime of a mapping', () => {
  it.each([
    [10_000, 9_000],
    [30_000, 28_000],
    [60_000, 42_000],
    [120_000, 66_000],
    [5_000, 3_000],
  ])('of a NAT that forgets after %i ms is found to be %i ms', (lifetimeMs, found) => {
    const { survey, run, ports, closed, sentCount } = surveyed({ lifetimeMs })
    run(100_000)
    expect(survey.lifetimeMs).toBe(found)
    // Nothing stays open, and it was cheap.
    expect([...ports.keys()].every((socket) => closed.has(socket))).toBe(true)
    expect(sentCount()).toBeLessThan(50)
  })

  it('is acted on as soon as something longer has failed', () => {
    const { survey, run } = surveyed({ lifetimeMs: 10_000 })
    run(15_000)
    expect(survey.lifetimeMs).toBeUndefined()
    run(19_000)
    expect(survey.lifetimeMs).toBe(9_000)
  })

  it('is not shortened by a lost answer', () => {
    const first = (socket: string) => socket === 'lifetime-9000'
    const { survey, run } = surveyed({
      lifetimeMs: 30_000,
      loses: (socket, nowMs) => first(socket) && nowMs > 10_000,
    })
    run(100_000)
    expect(survey.lifetimeMs).toBe(28_000)
  })

  it('is asked of the next server where one answers to no other port', () => {
    const { survey, run } = surveyed({
      lifetimeMs: 10_000,
      able: [OTHER],
      servers: [SERVER, OTHER],
    })
    run(60_000)
    expect(survey.lifetimeMs).toBe(9_000)
  })

  it('stays unknown where no server answers to another port, and that costs little', () => {
    const { survey, run, sentCount } = surveyed({ lifetimeMs: 10_000, able: [] })
    run(3_600_000)
    expect(survey.lifetimeMs).toBeUndefined()
    expect(sentCount()).toBeLessThan(60 * 5)
  })

  it('is not lengthened by what somebody sends into the silence', () => {
    const world = surveyed({ lifetimeMs: 10_000 })
    for (let second = 4; second < 200; second += 4) {
      world.run(second * 1_000)
      for (const { port } of world.ports.values())
        world.deliver(at(`203.0.113.1:${port}`), SERVER, new Uint8Array([1, 2, 3]))
    }
    expect([undefined, 3_000, 6_000, 9_000]).toContain(world.survey.lifetimeMs)
  })

  it('is forgotten in another network, and its sockets are closed', () => {
    const { survey, run, ports, closed } = surveyed({ lifetimeMs: 30_000 })
    run(20_000)
    restartLifetimeSurvey(survey, instant(20_000))
    expect(survey.lifetimeMs).toBeUndefined()
    run(20_000)
    run(120_000)
    expect(survey.lifetimeMs).toBe(28_000)
    expect([...ports.keys()].every((socket) => closed.has(socket))).toBe(true)
  })
})
