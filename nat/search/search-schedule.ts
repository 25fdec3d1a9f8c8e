// SPDX-License-Identifier: Apache-2.0
/**
 * When the two hosts of a pair search. They do not talk about it: both know the pair's two ids and the time.
 *
 * ```
 * |  slot 7  |  slot 8  |  slot 9  |  slot 10  |      every 5 s on the clock that all hosts share
 * one of 2:      A                       A            a pair's slots follow from its ids alone, modulo a power of two:
 * one of 4:                              A            an end that counts more pairs, or more searches, has some of the
 *                                                     slots of the end that counts fewer, and so they still meet
 * ```
 */
import { type Instant, later, type Now } from '../clock.ts'
import type { TransportAddress } from '../address.ts'
import {
  SEARCH_GAP_SLOTS,
  SEARCH_GRACE_MS,
  SEARCH_MS,
  SEARCH_RETRY_SLOTS,
  SEARCH_SLOT_MS,
  SEARCHES_AT_ONCE_MAX,
  SEARCHES_PER_EPOCH_MAX,
} from './constants.ts'

/** One side's part in the searches of one pair. */
export interface SearchState {
  /** What the two records said when the searches below were counted; undefined if they gave no ground for one. */
  epoch: string | undefined
  /** Searches since then. */
  attempts: number
  beginAt: Instant | undefined
  /** The number of the last search's slot. */
  lastSlot: number | undefined
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

/** Which of the slots are a pair's: those whose number agrees with `rank` in as many low bits as `oneOf` has. */
export interface Turn {
  /** Follows from the ids of the pair: the same at both ends. */
  readonly rank: number
  /** One slot of so many is the pair's; a power of two. The ends may differ about it. */
  readonly oneOf: number
}

/** The turn of a pair of whose hard host `pairs` want a search, by this host's view. */
export function turnOf(rank: number, pairs: number): Turn {
  return { rank, oneOf: pairs <= SEARCHES_AT_ONCE_MAX ? 1 : 2 ** Math.ceil(Math.log2(pairs)) }
}

export function createSearchState(): SearchState {
  return {
    epoch: undefined,
    attempts: 0,
    beginAt: undefined,
    lastSlot: undefined,
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
  const slot = nextSlot(notBefore(state, turn, now.wall), turn.rank, oneSlotOf(state, turn))
  state.beginAt = later(now.instant, slot * SEARCH_SLOT_MS + delayMs - now.wall)
}

export function isDue({ beginAt }: SearchState, now: Instant): boolean {
  return beginAt !== undefined && beginAt <= now
}

/** Whether the slot at hand is one of the pair's: since a search was planned, the host may have come to know of more pairs. */
export function isInTurn(state: SearchState, turn: Turn, wallMs: number): boolean {
  const slot = Math.floor(wallMs / SEARCH_SLOT_MS)
  return nextSlot(slot, turn.rank, oneSlotOf(state, turn)) === slot
}

/** The search has begun. */
export function begin(state: SearchState, { instant: now, wall }: Now): void {
  state.beginAt = undefined
  state.lastSlot = Math.floor(wall / SEARCH_SLOT_MS)
  state.attempts += 1
  // The helper ends it by itself, and says so; a helper that was restarted says nothing.
  state.underWayUntil = later(now, SEARCH_MS + SEARCH_SLOT_MS)
}

export function end(state: SearchState, outcome: SearchOutcome | undefined): void {
  state.underWayUntil = undefined
  state.last = outcome ?? state.last
}

/** It cannot begin now. The pair's next turn is looked for. */
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

/** The slots of later searches lie further apart. */
function oneSlotOf({ attempts }: SearchState, { oneOf }: Turn): number {
  return attempts === 0 ? oneOf : Math.max(oneOf, SEARCH_RETRY_SLOTS * 2 ** (attempts - 1))
}

/** The first slot that will do. Half a period is left out, so that ends which began in neighbouring slots take the same one. */
function notBefore(state: SearchState, turn: Turn, wallMs: number): number {
  const { attempts, lastSlot } = state
  const next = Math.ceil((wallMs + (attempts === 0 ? SEARCH_GRACE_MS : 0)) / SEARCH_SLOT_MS)
  if (lastSlot === undefined) return next
  const pause = attempts === 0 ? 0 : oneSlotOf(state, turn) / 2
  return Math.max(next, lastSlot + Math.max(pause, SEARCH_GAP_SLOTS))
}

/** The first slot from `from` on that is one of a pair's. */
function nextSlot(from: number, rank: number, oneOf: number): number {
  return from + ((((rank - from) % oneOf) + oneOf) % oneOf)
}
