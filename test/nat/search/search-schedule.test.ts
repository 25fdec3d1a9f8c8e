// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant, later, type Now, wallTime } from '../../../nat/clock.ts'
import {
  SEARCH_GAP_MS,
  SEARCH_GRACE_MS,
  SEARCH_SLOT_MS,
  SEARCHES_PER_EPOCH_MAX,
} from '../../../nat/search/constants.ts'
import {
  begin,
  createSearchState,
  end,
  enterEpoch,
  isDue,
  planSearch,
  rest,
  searchDeadline,
  type SearchState,
} from '../../../nat/search/search-schedule.ts'

const alone = { rank: 0, pairs: 1 }
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
        fc.nat(4),
        (ms, originMs, rank) => {
          const turn = { rank, pairs: 5 }
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
    const begins = [0, 1, 2].map((rank) => planned({ rank, pairs: 3 }).beginAt!)
    expect(new Set(begins).size).toBe(3)
    expect(Math.max(...begins) - Math.min(...begins)).toBe(2 * SEARCH_SLOT_MS)
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
      expect(gap).toBeGreaterThanOrEqual(30_000 * 2 ** i)
      expect(gap).toBeLessThanOrEqual(90_000 * 2 ** i + SEARCH_SLOT_MS)
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
      expect(beginMs - began[i]!).toBeGreaterThanOrEqual(SEARCH_GAP_MS)
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
