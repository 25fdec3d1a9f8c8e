// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant, later, type Now, wallTime } from '../../../nat/clock.ts'
import {
  SEARCH_GAP_SLOTS,
  SEARCH_GRACE_MS,
  SEARCH_RETRY_SLOTS,
  SEARCH_SLOT_MS,
  SEARCHES_AT_ONCE_MAX,
  SEARCHES_PER_EPOCH_MAX,
} from '../../../nat/search/constants.ts'
import {
  begin,
  createSearchState,
  end,
  enterEpoch,
  isDue,
  isInTurn,
  planSearch,
  rest,
  searchDeadline,
  type SearchState,
  turnOf,
} from '../../../nat/search/search-schedule.ts'

const alone = { rank: 0, oneOf: 1 }
const wall = 1_800_000_000_000

/** The instants of this host begin somewhere else than the clock. */
function at(ms: number, originMs = 5_000): Now {
  return { instant: instant(originMs + ms), wall: wallTime(wall + ms) }
}

function planned(turn = alone, ms = 0, originMs = 5_000): SearchState {
  const state = createSearchState()
  enterEpoch(state, 'one')
  planSearch(state, turn, 0, at(ms, originMs))
  return state
}

describe('a search', () => {
  it('waits for plain checks, and begins with a slot', () => {
    const { beginAt } = planned(alone, 1)
    expect(beginAt).toBe(instant(5_000 + SEARCH_SLOT_MS))
    expect(beginAt! - at(1).instant).toBeGreaterThanOrEqual(SEARCH_GRACE_MS)
    expect(isDue(planned(), beginAt!)).toBe(true)
  })

  it('begins at the same moment for both hosts, whatever their instants are', () => {
    fc.assert(
      fc.property(
        fc.nat(SEARCH_SLOT_MS - SEARCH_GRACE_MS - 1),
        fc.nat(1e6),
        fc.nat(7),
        (ms, originMs, rank) => {
          const turn = { rank, oneOf: 8 }
          const [a, b] = [
            planned(turn, 0).beginAt! - 5_000,
            planned(turn, ms, originMs).beginAt! - originMs,
          ]
          expect(a).toBe(b)
        },
      ),
    )
  })

  it('takes turns with the other pairs of the same host', () => {
    const begins = [0, 1, 2, 3].map((rank) => planned({ rank, oneOf: 4 }).beginAt!)
    expect(new Set(begins).size).toBe(4)
    expect(Math.max(...begins) - Math.min(...begins)).toBe(3 * SEARCH_SLOT_MS)
  })

  it('has one slot in as many as there are pairs, rounded up to a power of two, where they cannot all be at once', () => {
    const slots = [1, SEARCHES_AT_ONCE_MAX, 4, 5, 8, 9, 100].map((pairs) => turnOf(7, pairs).oneOf)
    expect(slots).toEqual([1, 1, 4, 8, 8, 16, 128])
    expect(turnOf(7, 100).rank).toBe(7)
  })

  it('begins for the end that counts more pairs in a slot in which the other end may begin too', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat(1e6),
        (rank, pairs, more, ms) => {
          const [fewer, all] = [turnOf(rank, pairs), turnOf(rank, pairs + more)]
          const state = planned(all, ms)
          const meetsAt = at(state.beginAt! - 5_000)
          expect(isInTurn(state, all, meetsAt.wall)).toBe(true)
          expect(isInTurn(state, fewer, meetsAt.wall)).toBe(true)
        },
      ),
    )
  })

  it('is not in turn any more when pairs have come to be known that share its slot', () => {
    const state = planned({ rank: 3, oneOf: 1 }, 1)
    const { wall: begins } = at(state.beginAt! - 5_000)
    const rank = begins / SEARCH_SLOT_MS + 1
    expect(isInTurn(state, { rank, oneOf: 1 }, begins)).toBe(true)
    expect(isInTurn(state, { rank, oneOf: 4 }, begins)).toBe(false)
    expect(isInTurn(state, { rank: rank - 1, oneOf: 4 }, begins)).toBe(true)
  })

  it('meets at the second time where the views of the ends differed at the first one', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.integer({ min: 4, max: 12 }),
        fc.integer({ min: 4, max: 12 }),
        fc.nat(2_000),
        fc.nat(1e6),
        (rank, here, there, lateMs, ms) => {
          const ends = [planned(turnOf(rank, here), ms), planned(turnOf(rank, there), ms + lateMs)]
          const began = ends.map((state) => state.beginAt! - 5_000)
          // By now both know of all.
          const turn = turnOf(rank, 12)
          const again = ends.map((state, i) => {
            begin(state, at(began[i]!))
            end(state, undefined)
            planSearch(state, turn, 0, at(began[i]! + 15_000))
            return state.beginAt!
          })
          fc.pre(began[0] !== began[1])
          const periodMs = SEARCH_RETRY_SLOTS * SEARCH_SLOT_MS
          // One has missed a turn at most, and the turns of both are the same ones.
          expect(Math.abs(again[0]! - again[1]!) % periodMs).toBe(0)
          expect(Math.abs(again[0]! - again[1]!)).toBeLessThanOrEqual(periodMs)
        },
      ),
    )
  })

  it('comes again on a slow schedule, and a bounded number of times', () => {
    const state = planned()
    const gaps: number[] = []
    let ms = 0
    while (state.beginAt !== undefined) {
      const next = state.beginAt - 5_000
      gaps.push(next - ms)
      ms = next
      begin(state, at(next))
      expect(isDue(state, later(at(ms).instant, 1))).toBe(false)
      end(state, undefined)
      planSearch(state, alone, 0, at(ms))
    }
    expect(gaps).toHaveLength(SEARCHES_PER_EPOCH_MAX)
    for (const [i, gap] of gaps.slice(1).entries()) {
      expect(gap).toBeGreaterThanOrEqual(40_000 * 2 ** i)
      expect(gap).toBeLessThanOrEqual(120_000 * 2 ** i)
    }
  })

  it('meets the other host again, which has missed the first one', () => {
    const [one, other] = [planned(), planned()]
    begin(one, at(one.beginAt! - 5_000))
    end(one, undefined)
    planSearch(one, alone, 0, at(20_000))
    const meetsAt = one.beginAt!
    enterEpoch(other, 'two')
    planSearch(other, alone, 0, at(meetsAt - 5_000 - SEARCH_GRACE_MS - 1))
    expect(other.beginAt).toBe(meetsAt)
  })

  it('begins anew when a NAT is new, or after a direct path', () => {
    const state = planned()
    for (let i = 0; i < SEARCHES_PER_EPOCH_MAX; i++) begin(state, at(i))
    end(state, undefined)
    planSearch(state, alone, 0, at(0))
    expect(searchDeadline(state)).toBeUndefined()
    enterEpoch(state, 'another')
    planSearch(state, alone, 0, at(0))
    expect(state.beginAt).toBeDefined()
    rest(state)
    expect(searchDeadline(state)).toBeUndefined()
    planSearch(state, alone, 0, at(0))
    expect(state.beginAt).toBeDefined()
  })

  it('is not repeated sooner than after half a minute, whatever a peer says of its NAT', () => {
    const state = planned()
    const began: number[] = []
    for (let ms = 0; ms < 600_000; ms += 500) {
      enterEpoch(state, `address ${ms}`)
      planSearch(state, alone, 0, at(ms))
      if (ms % 10_000 !== 9_500 || state.beginAt === undefined) continue
      const beginMs = state.beginAt - 5_000
      if (beginMs > ms + 10_000) continue
      began.push(beginMs)
      begin(state, at(beginMs))
      end(state, undefined)
    }
    expect(began.length).toBeGreaterThan(5)
    for (const [i, beginMs] of began.slice(1).entries())
      expect(beginMs - began[i]!).toBeGreaterThanOrEqual(SEARCH_GAP_SLOTS * SEARCH_SLOT_MS)
  })

  it('never begins without ground, nor while one is under way', () => {
    const state = planned()
    begin(state, at(state.beginAt! - 5_000))
    planSearch(state, alone, 0, at(0))
    expect(state.beginAt).toBeUndefined()
    end(state, undefined)
    enterEpoch(state, undefined)
    planSearch(state, alone, 0, at(0))
    expect(searchDeadline(state)).toBeUndefined()
  })
})
