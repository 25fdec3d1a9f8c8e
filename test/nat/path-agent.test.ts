// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant } from '../../nat/clock.ts'
import {
  adopt,
  answered,
  createPathAgent,
  hear,
  offer,
  probes,
  retry,
} from '../../nat/path-agent.ts'
import { isDirect } from '../../nat/proven-paths.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { checking, measured } from './checked-peer.ts'
import { at } from './literal.ts'

const A = at('203.0.113.1:7')
const B = at('203.0.113.2:7')
const C = at('203.0.113.3:7')

describe('a path', () => {
  it('is armed once a probe went there and its answer came back, never before', () => {
    const { agent, reachable, run, armed } = checking(A, B)
    hear(agent, A, instant(0))
    run(100)
    expect(armed()).toEqual([])
    reachable.set(A, 20)
    run(400)
    expect(armed()).toEqual([A])
    expect(isDirect(agent)).toBe(true)
  })

  it('is not made by a report of an endpoint that was never proven', () => {
    const { agent, tell, armed } = checking(A)
    tell(measured(A))
    expect(isDirect(agent)).toBe(false)
    expect(armed()).toEqual([])
  })

  it('is news the first time that it is proven, and not again', () => {
    const agent = createPathAgent()
    const { entropy } = new SeededRandom(2, 'paths')
    offer(agent, [{ kind: 'host', address: A }], instant(0))
    const [first] = probes(agent, instant(0), 9, entropy)
    const reply = { endpoint: A, transaction: first!.transaction, rttMs: 20 }
    expect(answered(agent, { ...reply, transaction: 'ff'.repeat(16) }, instant(5))).toBeUndefined()
    expect(answered(agent, reply, instant(20))?.isNews).toBe(true)
    expect(answered(agent, reply, instant(21))).toBeUndefined()
  })

  it('is dropped from the armed ones beyond three', () => {
    const all = [1, 2, 3, 4, 5].map((n) => at(`203.0.113.${n}:7`))
    const { reachable, run, armed } = checking(...all)
    for (const [i, endpoint] of all.entries()) reachable.set(endpoint, 100 - i * 15)
    run(10)
    expect(armed()).toEqual(all.toReversed().slice(0, 3))
  })

  it('is forgotten a minute after it went down, if the peer no longer offers it', () => {
    const { agent, reachable, run, tell, now } = checking(A, B)
    reachable.set(A, 20)
    reachable.set(B, 20)
    run(10)
    offer(agent, [{ kind: 'host', address: B }], now())
    tell(measured(A, { up: false }))
    reachable.delete(A)
    run(60_009)
    expect(agent.proven.has(A)).toBe(true)
    run(60_010)
    expect(agent.proven.has(A)).toBe(false)
    expect(agent.checklist.has(A)).toBe(false)
  })

  it('that came up again in time is not forgotten', () => {
    const { agent, reachable, run, tell } = checking(A, B)
    reachable.set(A, 20)
    reachable.set(B, 20)
    run(10)
    tell(measured(A, { up: false }))
    run(30_000)
    tell(measured(A))
    run(120_000)
    expect(agent.proven.has(A)).toBe(true)
  })

  it('that was forgotten but is still offered is checked once more beside the one that works', () => {
    const { agent, reachable, run, tell, sentSince } = checking(A, B)
    reachable.set(A, 20)
    reachable.set(B, 20)
    run(10)
    tell(measured(A, { up: false }))
    run(60_010)
    expect(sentSince(60_000)).toBe(1)
    expect(agent.proven.get(A)?.up).toBe(true)
  })
})

describe('the order of armed paths', () => {
  function twoPaths() {
    const world = checking(A, B)
    world.reachable.set(A, 50)
    world.reachable.set(B, 60)
    world.run(10)
    expect(world.armed()).toEqual([A, B])
    return world
  }

  it('keeps the incumbent against a path that is a little better', () => {
    const { tell, armed } = twoPaths()
    tell(measured(A, { rttMs: 50 }), measured(B, { rttMs: 41 }))
    expect(armed()).toEqual([A, B])
    tell(measured(A, { rttMs: 50 }), measured(B, { rttMs: 39 }))
    expect(armed()).toEqual([B, A])
    tell(measured(A, { rttMs: 30 }), measured(B, { rttMs: 39 }))
    expect(armed()).toEqual([B, A])
  })

  it('puts a path that answers before one that does not', () => {
    const { tell, armed, agent } = twoPaths()
    tell(measured(A, { up: false }))
    expect(armed()).toEqual([B, A])
    expect(isDirect(agent)).toBe(true)
  })

  it('keeps what is known of the round trip if a report knows none', () => {
    const { agent, tell } = twoPaths()
    tell(measured(A, { rttMs: undefined }))
    expect(agent.proven.get(A)?.rttMs).toBe(50)
  })

  it('does not flap, whatever is measured: a change of the first path is always a clear gain', () => {
    const quality = fc.record({
      up: fc.boolean(),
      rttMs: fc.double({ min: 1, max: 200, noNaN: true }),
      lossPermille: fc.constantFrom(0, 5, 30, 200),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(quality, quality), { maxLength: 20 }), (rounds) => {
        const { agent, tell, armed } = twoPaths()
        for (const [a, b] of rounds) {
          const before = armed()[0]!
          tell({ endpoint: A, ...a }, { endpoint: B, ...b })
          const was = agent.proven.get(before)!
          const is = agent.proven.get(armed()[0]!)!
          if (is === was || is.up !== was.up) continue
          const clear = was.rttMs! - is.rttMs! > 10 && is.rttMs! < was.rttMs! * 0.8
          expect(is.lossPermille < was.lossPermille || clear).toBe(true)
        }
      }),
    )
  })
})

describe('a round of checks', () => {
  it('begins anew at once, with every address, when the last path goes down', () => {
    const { reachable, run, tell, sent, sentSince } = checking(A, B)
    reachable.set(A, 20)
    run(10_000)
    reachable.clear()
    const before = sent.length
    tell(measured(A, { up: false }))
    run(10_000)
    expect(sentSince(10_000)).toBe(2)
    expect(new Set(sent.slice(before).map(({ endpoint }) => endpoint))).toEqual(new Set([A, B]))
  })

  it('does not begin while another path is up', () => {
    const { reachable, run, tell, sentSince } = checking(A, B)
    reachable.set(A, 20)
    reachable.set(B, 20)
    run(10_000)
    tell(measured(A, { up: false }))
    run(20_000)
    expect(sentSince(10_000)).toBe(0)
  })

  it('is repeated on a slow schedule while there is no path, at full minutes that both hosts share', () => {
    const { agent, run, sent } = checking(A)
    agent.sharedClockMs = 1_000
    run(3_000_000)
    const begins = sent.filter((probe, i) => i === 0 || probe.atMs - sent[i - 1]!.atMs > 5_000)
    const minutes = begins.slice(1).map((probe) => (probe.atMs + 1_000) / 60_000)
    expect(minutes).toEqual([1, 4, 8, 16, 24, 32, 40, 48])
  })

  it('begins at once when links or mappings change, and the slow schedule starts over', () => {
    const { agent, run, now, sentSince } = checking(A)
    run(1_000_000)
    retry(agent, now())
    run(1_000_000)
    expect(sentSince(1_000_000)).toBe(1)
    expect(agent.fruitlessRounds).toBe(0)
  })

  it('asks what works as well when links or mappings change, and keeps it meanwhile', () => {
    const { agent, reachable, run, now, sent, armed } = checking(A, B)
    reachable.set(A, 20)
    run(30_000)
    const before = sent.length
    retry(agent, now())
    expect(armed()).toEqual([A])
    run(30_000)
    expect(new Set(sent.slice(before).map(({ endpoint }) => endpoint))).toEqual(new Set([A, B]))
    run(600_000)
    expect(armed()).toEqual([A])
  })

  it('is not repeated once a path is up again by the helper’s own probes', () => {
    const { reachable, run, tell, sentSince } = checking(A, B)
    reachable.set(A, 20)
    run(10_000)
    reachable.clear()
    tell(measured(A, { up: false }))
    run(30_000)
    tell(measured(A))
    run(600_000)
    expect(sentSince(30_000)).toBe(0)
  })

  it('has no more than 48 probes under way, and forgets no address for it', () => {
    const many = Array.from({ length: 16 }, (_, i) => at(`203.0.113.${i + 1}:7`))
    const { agent, run, sent, now } = checking(...many)
    let beforeLast = 0
    for (let s = 0; s < 20; s++) {
      run(s * 1_000)
      if (s % 3 !== 0) continue
      beforeLast = sent.length
      retry(agent, now())
    }
    run(59_000)
    for (const { atMs } of sent) {
      const underWay = sent.filter((probe) => probe.atMs <= atMs && probe.atMs > atMs - 3_000)
      expect(underWay.length).toBeLessThanOrEqual(48)
    }
    const last = Map.groupBy(sent.slice(beforeLast), (probe) => probe.endpoint)
    expect(many.map((address) => last.get(address)?.length)).toEqual(many.map(() => 11))
  })

  it('costs nothing for a peer that offers nothing', () => {
    const { run, sent } = checking()
    run(3_600_000)
    expect(sent).toEqual([])
  })

  it('checks an address that is offered late at once, whatever the slow schedule says', () => {
    const { agent, run, reachable, now, armed } = checking(A)
    run(500_000)
    reachable.set(C, 5)
    offer(
      agent,
      [A, C].map((address) => ({ kind: 'host', address })),
      now(),
    )
    run(500_000)
    expect(armed()).toEqual([C])
  })
})

describe('what a helper kept while the agent was away', () => {
  it('is taken as proven, in the helper’s order', () => {
    const { agent, armed, run, sent } = checking()
    // B leads by less than what makes traffic move: a restart must not move it either.
    adopt(agent, [measured(A, { rttMs: 50 }), measured(B, { rttMs: 45 })], instant(0))
    expect(armed()).toEqual([A, B])
    run(600_000)
    expect(sent).toEqual([])
  })

  it('is left at once for what is clearly better', () => {
    const { agent, armed } = checking()
    adopt(agent, [measured(A, { rttMs: 50 }), measured(B, { rttMs: 5 })], instant(0))
    expect(armed()).toEqual([B, A])
  })
})
