// SPDX-License-Identifier: Apache-2.0
/**
 * How large an IP packet of the mesh one path carries, found by packets of full size that must come back as large.
 *
 * ```
 * search:   PATH_MTU_BASE is taken for granted; the largest is tried first, then the middle of what is left
 * verify:   what was proven is asked for again; if that is lost, back to the base at once, and search
 *
 *    ceiling --lost--> base --carried--> middle --carried--> upper middle ...   until the step is PATH_MTU_STEP
 *                        \--lost--> floor (only IPv4 can be that small)
 * ```
 * Lost means three in a row; what a hop says that it carries is tried next then.
 */
import { type Instant, later } from './clock.ts'
import {
  PATH_MTU_BASE,
  PATH_MTU_FLOOR,
  PATH_MTU_REPEAT_MS,
  PATH_MTU_RETRY_MS,
  PATH_MTU_STEP,
  PATH_MTU_TRIES,
  PATH_MTU_VERIFY_MS,
} from './constants.ts'

export interface PathMtu {
  readonly ceiling: number
  /** Bytes of IP packet that may be sent over the path now. */
  carried: number
  /** What is asked for, and how often that was lost. */
  asking: number
  losses: number
  /** Bounds of the search: the largest size that came back in this round, and the smallest that did not. */
  low: number | undefined
  high: number | undefined
  /** When to ask next; undefined while an answer is waited for. */
  askAt: Instant | undefined
  /** When the search was over, or its result last verified; undefined while it goes on. */
  settledAt: Instant | undefined
  /** When something larger is looked for again. */
  searchAt: Instant
}

export type MeasureOutcome =
  | { readonly kind: 'carried' }
  | { readonly kind: 'lost' }
  /** Lost as well, and a hop on the way says what it carries. */
  | { readonly kind: 'too-large'; readonly mtu: number }
  /** It could not be asked, for a reason that says nothing of the path. */
  | { readonly kind: 'unasked' }

export function createPathMtu(ceiling: number, now: Instant): PathMtu {
  return {
    ceiling,
    carried: Math.min(PATH_MTU_BASE, ceiling),
    asking: ceiling,
    losses: 0,
    low: undefined,
    high: undefined,
    askAt: now,
    settledAt: undefined,
    searchAt: now,
  }
}

/** The size to measure now, if it is time; then an outcome must follow. */
export function measureDue(path: PathMtu, now: Instant): number | undefined {
  if (path.askAt === undefined || path.askAt > now) return undefined
  path.askAt = undefined
  return path.asking
}

/** Takes the outcome of the last measurement; true if `carried` changed. */
export function measured(path: PathMtu, outcome: MeasureOutcome, now: Instant): boolean {
  const before = path.carried
  switch (outcome.kind) {
    case 'carried':
      take(path, now)
      break
    case 'lost':
    case 'too-large':
      path.losses += 1
      if (path.losses < PATH_MTU_TRIES) path.askAt = now
      else refuse(path, path.asking, now, outcome.kind === 'too-large' ? outcome.mtu : undefined)
      break
    case 'unasked':
      path.askAt = later(now, PATH_MTU_VERIFY_MS)
      break
  }
  return path.carried !== before
}

/** Asks anew for what was proven: a path in use must not swallow large packets for long. */
export function verifySoon(path: PathMtu, now: Instant): void {
  if (path.settledAt === undefined || path.askAt === undefined) return
  const dueAt = later(path.settledAt, PATH_MTU_VERIFY_MS)
  if (dueAt < path.askAt) path.askAt = dueAt < now ? now : dueAt
}

/** The way may be another one: what was proven is asked for at once, and then whatever is larger. */
export function searchAgain(path: PathMtu, now: Instant): void {
  if (path.settledAt === undefined) return
  path.searchAt = now
  if (path.askAt !== undefined) path.askAt = now
}

function take(path: PathMtu, now: Instant): void {
  const wasSettled = path.settledAt !== undefined
  path.losses = 0
  path.low = path.asking
  path.carried = path.asking
  if (path.carried >= path.ceiling) return settle(path, now)
  if (!wasSettled) {
    const next = nextAbove(path, path.asking)
    return next === undefined ? settle(path, now) : ask(path, next, now)
  }
  if (path.searchAt > now) return settle(path, now)
  path.high = undefined
  path.settledAt = undefined
  ask(path, path.ceiling, now)
}

/** `named`: what a hop is said to carry. */
function refuse(path: PathMtu, size: number, now: Instant, named?: number): void {
  const wasSettled = path.settledAt !== undefined
  path.losses = 0
  path.high = size
  path.settledAt = undefined
  // What was proven is so no more.
  if (path.carried >= size) path.carried = Math.min(PATH_MTU_BASE, path.ceiling)
  if (wasSettled || (path.low !== undefined && path.low >= size)) path.low = undefined
  const next = nextBelow(path, size, named)
  if (next !== undefined) return ask(path, next, now)
  if (path.low !== undefined) return settle(path, now)
  // Not even that: it is not the size that is lost.
  path.carried = Math.min(PATH_MTU_BASE, path.ceiling)
  path.high = undefined
  path.asking = path.ceiling
  path.askAt = later(now, PATH_MTU_RETRY_MS)
}

function nextAbove(path: PathMtu, low: number): number | undefined {
  const high = path.high ?? path.ceiling + 1
  if (high === path.ceiling + 1) return path.ceiling
  const middle = Math.max(roundDown((low + high) / 2), roundDown(low) + PATH_MTU_STEP)
  return middle < high ? middle : undefined
}

function nextBelow(path: PathMtu, size: number, named = PATH_MTU_BASE): number | undefined {
  if (path.low !== undefined) return nextAbove(path, path.low)
  // Where to go on, and no bound: it may be what the kernel remembers of another time, or of another host behind that address.
  if (size > PATH_MTU_BASE)
    return Math.max(PATH_MTU_BASE, Math.min(roundDown(named), size - PATH_MTU_STEP))
  if (size <= PATH_MTU_FLOOR) return undefined
  path.carried = PATH_MTU_FLOOR
  return PATH_MTU_FLOOR
}

function ask(path: PathMtu, size: number, now: Instant): void {
  path.asking = size
  path.askAt = now
}

/** Found, or found again. */
function settle(path: PathMtu, now: Instant): void {
  if (path.settledAt === undefined) path.searchAt = later(now, PATH_MTU_REPEAT_MS)
  path.settledAt = now
  path.asking = path.carried
  path.askAt = later(now, PATH_MTU_REPEAT_MS)
}

function roundDown(size: number): number {
  return Math.floor(size / PATH_MTU_STEP) * PATH_MTU_STEP
}
