// SPDX-License-Identifier: Apache-2.0
/**
 * When the two hosts of a pair search. They do not talk about it: both know the same two records and the time.
 *
 * ```
 * |  slot 7  |  slot 8  |  slot 9  |      every 5 s on the clock that all hosts share
 *     turn of pair A, B, A ...            the pairs of one hard host take turns, in the order of its peers' ids
 * ```
 */
import { type Instant, later, type Now } from '../clock.ts'
import type { TransportAddress } from '../address.ts'
import {
  SEARCH_GAP_MS,
  SEARCH_GRACE_MS,
  SEARCH_MS,
  SEARCH_RETRY_MS,
  SEARCH_SLOT_MS,
  SEARCHES_PER_EPOCH_MAX,
} from './constants.ts'

/** One side's part in the searches of one pair. */
export interface SearchState {
  /** What the two records said when the searches below were counted; undefined if they gave no ground for one. */
  epoch: string | undefined
  /** Searches since then. */
  attempts: number
  beginAt: Instant | undefined
  /** When the slot of the last search began, on the shared clock. */
  lastSlotMs: number | undefined
  /** Until when the search under way lasts at most. */
  underWayUntil: Instant | undefined
  last: SearchOutcome | undefined
}

export interface SearchOutcome {
  readonly result: 'found' | 'nothing' | 'stopped'
  readonly sockets: number
  readonly probes: number
  readonly endpoint: TransportAddress | undefined
}

/** Which of the slots are a pair's: those whose number leaves `rank` when it is divided by `pairs`. */
export interface Turn {
  readonly rank: number
  readonly pairs: number
}

export function createSearchState(): SearchState {
  return {
    epoch: undefined,
    attempts: 0,
    beginAt: undefined,
    lastSlotMs: undefined,
    underWayUntil: undefined,
    last: undefined,
  }
}

/** Takes what the records say now. What was tried before says nothing of NATs that are new. */
export function enterEpoch(state: SearchState, epoch: string | undefined): void {
  if (state.epoch === epoch) return
  state.epoch = epoch
  state.attempts = 0
  state.beginAt = undefined
}

/** Sets when the next search begins, unless it is set or there will be none. */
export function planSearch(state: SearchState, turn: Turn, delayMs: number, now: Now): void {
  if (state.epoch === undefined || state.beginAt !== undefined) return
  if (state.underWayUntil !== undefined || state.attempts >= SEARCHES_PER_EPOCH_MAX) return
  const gapEndMs = state.lastSlotMs === undefined ? 0 : state.lastSlotMs + SEARCH_GAP_MS
  const slotMs = turnFrom(Math.max(notBefore(state.attempts, now.wall), gapEndMs), turn)
  state.beginAt = later(now.instant, slotMs + delayMs - now.wall)
}

export function isDue({ beginAt }: SearchState, now: Instant): boolean {
  return beginAt !== undefined && beginAt <= now
}

/** The search has begun. */
export function begin(state: SearchState, { instant: now, wall }: Now): void {
  state.beginAt = undefined
  state.lastSlotMs = Math.floor(wall / SEARCH_SLOT_MS) * SEARCH_SLOT_MS
  state.attempts += 1
  // The helper ends it by itself, and says so; a helper that was restarted says nothing.
  state.underWayUntil = later(now, SEARCH_MS + SEARCH_SLOT_MS)
}

export function end(state: SearchState, outcome: SearchOutcome | undefined): void {
  state.underWayUntil = undefined
  state.last = outcome ?? state.last
}

/** It cannot begin now: this host takes part in too many. The pair's next turn is looked for. */
export function postpone(state: SearchState): void {
  state.beginAt = undefined
}

/** There is a direct path: nothing to search for, and a fresh start should it fall. */
export function rest(state: SearchState): void {
  state.attempts = 0
  state.beginAt = undefined
}

export function searchDeadline({ beginAt, underWayUntil }: SearchState): Instant | undefined {
  return underWayUntil ?? beginAt
}

/** On multiples of each other, so that two hosts that have counted differently still meet. */
function notBefore(attempts: number, wallMs: number): number {
  if (attempts === 0) return wallMs + SEARCH_GRACE_MS
  const periodMs = SEARCH_RETRY_MS * 2 ** (attempts - 1)
  return Math.ceil((wallMs + periodMs / 2) / periodMs) * periodMs
}

function turnFrom(wallMs: number, { rank, pairs }: Turn): number {
  const slot = Math.ceil(wallMs / SEARCH_SLOT_MS)
  const wait = (((rank - slot) % pairs) + pairs) % pairs
  return (slot + wait) * SEARCH_SLOT_MS
}
