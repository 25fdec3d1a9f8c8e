// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../nat/candidate.ts'
import {
  checkAnswered,
  type Checklist,
  checklistDeadline,
  dueProbes,
  offerCandidates,
  recheck,
  restartChecks,
  roundIsOver,
  triggerCheck,
} from '../../nat/checklist.ts'
import { instant } from '../../nat/clock.ts'
import { CANDIDATES_PER_PEER_MAX, CHECK_GAPS_MS } from '../../nat/constants.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { at } from './literal.ts'

const host = (n: number): Candidate => ({ kind: 'host', address: at(`192.168.1.${n}:5`) })
const A = host(1).address
const B = host(2).address
const { entropy } = new SeededRandom(1, 'checklist')

/** Runs the list by its own deadlines, nobody answering; returns when each probe was sent. */
function run(list: Checklist, fromMs: number, untilMs: number, budget = 100) {
  const sent: { atMs: number; endpoint: string; transaction: string }[] = []
  let now = fromMs
  for (let deadline = checklistDeadline(list); deadline !== undefined && deadline <= untilMs; ) {
    now = Math.max(now, deadline)
    for (const probe of dueProbes(list, instant(now), budget, entropy))
      sent.push({ atMs: now, ...probe })
    deadline = checklistDeadline(list)
  }
  return sent
}

function checking(...candidates: Candidate[]): Checklist {
  const list: Checklist = new Map()
  offerCandidates(list, candidates, instant(0))
  return list
}

describe('a check', () => {
  it('is paced close together at first, then slower, and fails when its probes are used up', () => {
    const list = checking(host(1))
    const times = run(list, 0, 60_000).map((probe) => probe.atMs)
    expect(times).toEqual([0, 50, 150, 350, 650, 1_150, 1_650, 2_650, 3_650, 4_650, 5_650])
    expect(times).toHaveLength(CHECK_GAPS_MS.length)
    expect(list.get(A)).toMatchObject({ state: 'failed', nextAt: undefined })
    expect(roundIsOver(list)).toBe(true)
  })

  it('succeeds by an answer to any probe of its round, and then sends no more', () => {
    const list = checking(host(1))
    const [first] = run(list, 0, 400)
    expect(checkAnswered(list, A, first!.transaction)).toEqual({ endpoint: A })
    expect(run(list, 400, 60_000)).toEqual([])
    expect(list.get(A)?.state).toBe('succeeded')
  })

  it('still succeeds by an answer that came after its last probe was given up', () => {
    const list = checking(host(1))
    const last = run(list, 0, 60_000).at(-1)!
    expect(checkAnswered(list, A, last.transaction)).toEqual({ endpoint: A })
  })

  it('does not take an answer of another address, an unknown transaction, or one of an earlier round', () => {
    const list = checking(host(1), host(2))
    const probe = run(list, 0, 0).find(({ endpoint }) => endpoint === A)!
    expect(checkAnswered(list, B, probe.transaction)).toBeUndefined()
    expect(checkAnswered(list, A, '00'.repeat(16))).toBeUndefined()
    expect(checkAnswered(list, at('192.168.1.77:5'), probe.transaction)).toBeUndefined()
    restartChecks(list, instant(10))
    expect(checkAnswered(list, A, probe.transaction)).toBeUndefined()
  })

  it('has a transaction of its own for each probe', () => {
    const sent = run(checking(host(1), host(2)), 0, 60_000)
    expect(new Set(sent.map(({ transaction }) => transaction)).size).toBe(sent.length)
    for (const { transaction } of sent) expect(transaction).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is triggered at once when the peer is heard from there', () => {
    const list = checking(host(1))
    run(list, 0, 2_000)
    triggerCheck(list, A, instant(2_000))
    expect(checklistDeadline(list)).toBe(2_000)
    expect(dueProbes(list, instant(2_000), 9, entropy)).toHaveLength(1)
  })

  it('that failed has a whole new round when the peer is heard from there', () => {
    const list = checking(host(1))
    run(list, 0, 60_000)
    triggerCheck(list, A, instant(60_000))
    expect(run(list, 60_000, 120_000)).toHaveLength(CHECK_GAPS_MS.length)
  })

  it('that waits for the answer to its last probe has a whole new round when the peer is heard from there', () => {
    const list = checking(host(1))
    const sent = run(list, 0, 60_000)
    const fresh = checking(host(1))
    const lastMs = sent.at(-1)!.atMs
    run(fresh, 0, lastMs)
    triggerCheck(fresh, A, instant(lastMs + 1))
    expect(run(fresh, lastMs + 1, 120_000)).toHaveLength(CHECK_GAPS_MS.length)
  })

  it('that succeeded is left alone by triggers and by new rounds', () => {
    const list = checking(host(1))
    checkAnswered(list, A, run(list, 0, 0)[0]!.transaction)
    triggerCheck(list, A, instant(1))
    restartChecks(list, instant(1))
    expect(list.get(A)?.state).toBe('succeeded')
    recheck(list, { endpoint: A }, instant(1))
    expect(list.get(A)?.state).toBe('waiting')
  })
})

describe('a checklist', () => {
  it('sends no more than its budget, and keeps the rest due', () => {
    const list = checking(host(1), host(2), host(3))
    expect(dueProbes(list, instant(0), 2, entropy)).toHaveLength(2)
    expect(checklistDeadline(list)).toBe(0)
    expect(dueProbes(list, instant(0), 2, entropy)).toHaveLength(1)
    expect(dueProbes(list, instant(0), 2, entropy)).toEqual([])
  })

  it('drops what the peer no longer offers, but nothing that works or that a probe showed', () => {
    const heard = at('203.0.113.9:9')
    const list = checking(host(1), host(2))
    triggerCheck(list, heard, instant(0))
    checkAnswered(list, A, run(list, 0, 0).find(({ endpoint }) => endpoint === A)!.transaction)
    offerCandidates(list, [host(3)], instant(1))
    expect([...list.keys()].sort()).toEqual([A, host(3).address, heard].sort())
    expect(list.get(A)?.offered).toBe(false)
  })

  it('does not begin anew what is offered again', () => {
    const list = checking(host(1))
    run(list, 0, 60_000)
    offerCandidates(list, [host(1)], instant(60_000))
    expect(roundIsOver(list)).toBe(true)
  })

  it('names an address peer-reflexive if only a probe showed it, until the peer offers it', () => {
    const list = checking()
    triggerCheck(list, A, instant(0))
    expect(list.get(A)).toMatchObject({ kind: 'peer-reflexive', offered: false })
    offerCandidates(list, [{ kind: 'server-reflexive', address: A }], instant(1))
    expect(list.get(A)).toMatchObject({ kind: 'server-reflexive', offered: true })
  })

  it('makes room for an offered address when failed ones that probes showed fill it', () => {
    const list = checking()
    for (let n = 1; n <= 30; n++) triggerCheck(list, at(`203.0.113.1:${n}`), instant(0))
    run(list, 0, 60_000)
    offerCandidates(list, [host(1)], instant(60_000))
    expect(list.has(A)).toBe(true)
    expect(list.size).toBe(CANDIDATES_PER_PEER_MAX)
  })

  it('begins a new round without the failed addresses that only probes showed', () => {
    const list = checking(host(1))
    for (let n = 1; n <= 20; n++) triggerCheck(list, at(`203.0.113.1:${n}`), instant(0))
    const working = at('203.0.113.1:7')
    const probe = run(list, 0, 0).find(({ endpoint }) => endpoint === working)!
    checkAnswered(list, working, probe.transaction)
    run(list, 0, 60_000)
    restartChecks(list, instant(60_000), { everything: true })
    expect([...list.keys()]).toEqual([A, working])
  })

  it('follows a peer whose port keeps changing, although it is full', () => {
    const list = checking(host(1))
    for (let n = 1; n <= 200; n++) {
      triggerCheck(list, at(`203.0.113.1:${n}`), instant(n * 10_000))
      run(list, n * 10_000, n * 10_000 + 9_999)
    }
    expect(list.has(at('203.0.113.1:200'))).toBe(true)
    expect(list.has(A)).toBe(true)
  })

  it('holds a bounded number of addresses and of open transactions, whatever is offered and heard', () => {
    const address = fc
      .integer({ min: 1, max: 60 })
      .map((n) => ({ kind: 'host', address: at(`203.0.113.${n}:9`) }) as const)
    const happening = fc.record({
      offered: fc.option(fc.array(address, { maxLength: 16 })),
      heard: fc.array(address, { maxLength: 30 }),
      pauseMs: fc.integer({ min: 0, max: 8_000 }),
    })
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 15 }), (happenings) => {
        const list = checking()
        let now = 0
        for (const { offered, heard, pauseMs } of happenings) {
          if (offered !== null) offerCandidates(list, offered, instant(now))
          for (const { address: from } of heard) triggerCheck(list, from, instant(now))
          run(list, now, now + pauseMs)
          now += pauseMs
          expect(list.size).toBeLessThanOrEqual(CANDIDATES_PER_PEER_MAX)
          for (const check of list.values())
            expect(check.transactions.size).toBeLessThanOrEqual(CHECK_GAPS_MS.length)
        }
        run(list, now, now + 60_000)
        expect(roundIsOver(list)).toBe(true)
      }),
    )
  })
})
