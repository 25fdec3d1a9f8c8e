// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import { instant } from '../../nat/clock.ts'
import {
  askAgain,
  askIdle,
  askResting,
  createStunClient,
  isAwaitingAnswers,
  mappingObservations,
  receiveStun,
  setStunServers,
  stunDeadline,
  stunRequests,
  stunServerStates,
} from '../../nat/stun-client.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { bindingSuccess, encode, simulatedStun } from '../sim/simulated-stun.ts'
import { at } from './literal.ts'

const A = at('198.51.100.1:3478')
const B = at('198.51.100.2:3478')
const MAPPED = at('203.0.113.1:7')

/** A client with its clock: `run` asks whenever a deadline says so, and notes what was sent when. */
function asking(servers: readonly TransportAddress[]) {
  const client = createStunClient()
  const { entropy } = new SeededRandom(1, 'stun')
  const sent: { at: number; to: TransportAddress; payload: Uint8Array }[] = []
  let now = 0
  const ask = () => {
    for (const request of stunRequests(client, instant(now), entropy, simulatedStun))
      sent.push({ at: now, ...request })
  }
  const run = (untilMs: number) => {
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error('a deadline that never passes')
      const deadline = stunDeadline(client)
      if (deadline === undefined || deadline > untilMs) break
      now = Math.max(now, deadline)
      ask()
    }
    now = untilMs
  }
  const receive = (from: TransportAddress, payload: Uint8Array) =>
    receiveStun(client, from, payload, instant(now), entropy, simulatedStun)
  const answer = (from: TransportAddress, mapped = MAPPED) => {
    const request = sent.findLast(({ to }) => to === from)
    return request !== undefined && receive(from, bindingSuccess(request.payload, mapped)!)
  }
  const timesTo = (server: TransportAddress) =>
    sent.filter(({ to }) => to === server).map((request) => request.at)
  setStunServers(client, servers, instant(0))
  return { client, sent, run, ask, receive, answer, timesTo, now: () => instant(now) }
}

const stateOf = (client: ReturnType<typeof createStunClient>, server: TransportAddress) =>
  stunServerStates(client).find((state) => state.server === server)

describe('a STUN client', () => {
  it('asks at once, again with doubling waits, and then gives up and asks again later', () => {
    const { run, timesTo, client } = asking([A])
    run(7_749)
    expect(timesTo(A)).toEqual([0, 250, 750, 1_750, 3_750])
    expect(stateOf(client, A)?.failures).toBe(0)
    run(7_750)
    expect(stateOf(client, A)?.failures).toBe(1)
    run(37_749)
    expect(timesTo(A)).toHaveLength(5)
    run(37_750)
    expect(timesTo(A).at(-1)).toBe(37_750)
  })

  it('repeats the transaction in what it sends again, and draws a new one for a new question', () => {
    const { run, sent } = asking([A])
    run(38_000)
    const transactions = sent.map(({ payload }) => {
      const message = simulatedStun.decode(payload)
      return message.ok ? message.value.transaction : ''
    })
    expect(new Set(transactions.slice(0, 5)).size).toBe(1)
    expect(transactions[5]).not.toBe(transactions[0])
    expect(transactions[0]).toMatch(/^[0-9a-f]{24}$/)
  })

  it('learns its mapped address and the round trip from an answer', () => {
    const { run, answer, client } = asking([A])
    run(0)
    run(30)
    expect(answer(A)).toBe(true)
    expect(mappingObservations(client)).toEqual([{ observer: A, mapped: MAPPED }])
    expect(stateOf(client, A)).toEqual({ server: A, mapped: MAPPED, rttMs: 30, failures: 0 })
  })

  it('measures no round trip if it had to ask twice', () => {
    const { run, answer, client } = asking([A])
    run(300)
    expect(answer(A)).toBe(true)
    expect(stateOf(client, A)).toMatchObject({ mapped: MAPPED, rttMs: undefined })
  })

  it('ignores an answer from another source, of another transaction, or to no question', () => {
    const { run, receive, sent, client } = asking([A])
    run(0)
    const right = bindingSuccess(sent[0]!.payload, MAPPED)!
    const wrong = encode({ type: 'binding-success', transaction: '0'.repeat(24), mapped: MAPPED })
    expect(receive(B, right)).toBe(false)
    expect(receive(at('198.51.100.1:3479'), right)).toBe(false)
    expect(receive(A, wrong)).toBe(false)
    expect(receive(A, new Uint8Array([1, 2, 3]))).toBe(false)
    expect(mappingObservations(client)).toEqual([])
    expect(receive(A, right)).toBe(true)
    // The question is closed: a second copy answers nothing.
    expect(receive(A, right)).toBe(false)
  })

  it('ignores an error and a success that names no address, and goes on asking', () => {
    const { run, receive, sent, timesTo } = asking([A])
    run(0)
    const message = simulatedStun.decode(sent[0]!.payload)
    const transaction = message.ok ? message.value.transaction : ''
    expect(receive(A, encode({ type: 'binding-error', transaction, errorCode: 420 }))).toBe(false)
    expect(receive(A, encode({ type: 'binding-success', transaction }))).toBe(false)
    run(250)
    expect(timesTo(A)).toEqual([0, 250])
  })

  it('refreshes each answer within 20 to 26 seconds', () => {
    const { run, answer, timesTo } = asking([A])
    for (let ms = 0; ms <= 600_000; ms += 100) {
      run(ms)
      answer(A)
    }
    const pauses = timesTo(A).map((asked, i) => asked - (timesTo(A)[i - 1] ?? 0))
    // An answer comes up to 100 ms late here, and counts from then.
    for (const pause of pauses.slice(1)) {
      expect(pause).toBeGreaterThanOrEqual(20_000)
      expect(pause).toBeLessThanOrEqual(26_100)
    }
    expect(new Set(pauses).size).toBeGreaterThan(10)
  })

  it('keeps the last answer while it asks anew, and forgets it if none comes', () => {
    const { run, answer, client, timesTo } = asking([A])
    run(0)
    answer(A)
    run(26_000)
    expect(timesTo(A).length).toBeGreaterThan(1)
    expect(mappingObservations(client)).toHaveLength(1)
    run(26_000 + 7_750)
    expect(mappingObservations(client)).toEqual([])
  })

  it('asks three servers at a time, and recruits another for each that is silent', () => {
    const servers = [1, 2, 3, 4, 5].map((host) => at(`198.51.100.${host}:3478`))
    const { run, answer, timesTo, client } = asking(servers)
    run(0)
    expect(servers.map((server) => timesTo(server).length)).toEqual([1, 1, 1, 0, 0])
    answer(servers[0]!)
    answer(servers[2]!)
    run(7_750)
    expect(timesTo(servers[3]!)).toEqual([7_750])
    expect(timesTo(servers[4]!)).toEqual([])
    answer(servers[3]!)
    expect(mappingObservations(client).map((o) => o.observer)).toEqual([
      servers[0],
      servers[2],
      servers[3],
    ])
  })

  it('finds a server that answers behind eleven dead ones, and holds no more than twelve', () => {
    const dead = Array.from({ length: 30 }, (_, i) => at(`192.0.2.${i + 1}:3478`))
    const { run, answer, timesTo, client } = asking([...dead.slice(0, 11), A, ...dead.slice(11)])
    for (let s = 1; s <= 60; s++) {
      run(s * 1_000)
      if (timesTo(A).length > 0) answer(A)
      expect(client.servers.size).toBeLessThanOrEqual(12)
    }
    expect(mappingObservations(client)).toEqual([{ observer: A, mapped: MAPPED }])
  })

  it('asks everybody again at once when it is told to', () => {
    const { client, run, answer, timesTo, ask, now } = asking([A, B])
    run(0)
    answer(A)
    run(1_000)
    askAgain(client, now())
    ask()
    expect([timesTo(A).at(-1), timesTo(B).at(-1)]).toEqual([1_000, 1_000])
  })

  it('asks those that rest when the mapping may be another one, and disturbs no open question', () => {
    const { client, run, answer, timesTo, ask, now } = asking([A, B])
    run(0)
    answer(A)
    run(100)
    askIdle(client, now())
    ask()
    expect(timesTo(A)).toEqual([0, 100])
    expect(timesTo(B)).toEqual([0])
  })

  it('gives an answer up that is not confirmed, however often a person asks', () => {
    const { client, run, answer, now } = asking([A])
    run(0)
    answer(A)
    for (let s = 0; s < 8; s++) {
      run(s * 1_000)
      askResting(client, now())
      run(s * 1_000)
      expect(isAwaitingAnswers(client)).toBe(true)
    }
    run(8_000)
    expect(stateOf(client, A)).toMatchObject({ mapped: undefined, failures: 1 })
    expect(isAwaitingAnswers(client)).toBe(false)
  })

  it('asks a server that has been silent again at once when a person asks', () => {
    const { client, run, timesTo, ask, now } = asking([A])
    run(10_000)
    const before = timesTo(A).length
    askResting(client, now())
    ask()
    expect(timesTo(A).slice(before)).toEqual([10_000])
  })

  it('forgets servers that are no longer known and keeps the answers of the others', () => {
    const { client, run, answer, now } = asking([A, B])
    run(0)
    answer(A)
    answer(B)
    setStunServers(client, [B, A, B], now())
    expect(mappingObservations(client)).toHaveLength(2)
    setStunServers(client, [B], now())
    expect(mappingObservations(client).map((o) => o.observer)).toEqual([B])
    setStunServers(client, [], now())
    expect(stunDeadline(client)).toBeUndefined()
  })

  it('stays within its bounds whatever servers come, go, answer or not', () => {
    const servers = Array.from({ length: 40 }, (_, i) => at(`198.51.100.${i + 1}:3478`))
    const happening = fc.record({
      known: fc.subarray(servers),
      answers: fc.subarray(servers),
      pauseMs: fc.integer({ min: 0, max: 30_000 }),
    })
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 12 }), (happenings) => {
        const { client, run, answer, sent, now } = asking([])
        for (const { known, answers, pauseMs } of happenings) {
          setStunServers(client, known, now())
          for (const server of answers) answer(server)
          run(now() + pauseMs)
          expect(client.servers.size).toBeLessThanOrEqual(12)
        }
        // 12 servers with 5 requests each, every 7.75 s at worst, and anew each time that the list changes.
        const bound = 12 * 5 * (now() / 7_750 + 1 + happenings.length)
        expect(sent.length).toBeLessThanOrEqual(bound)
      }),
      { numRuns: 60 },
    )
  })
})
