// SPDX-License-Identifier: Apache-2.0
/**
 * Path choice is a tuple whose field order is the policy: alive, loss, round trip, then an order that never changes.
 */
import { HYSTERESIS_MS, HYSTERESIS_RATIO } from './constants.ts'
import { type DirectWay, wayKey } from './direct-way.ts'

/** What is known of one proven path. */
export interface PathQuality extends DirectWay {
  readonly up: boolean
  /** Undefined until measured; sorts last among its equals. */
  readonly rttMs: number | undefined
  readonly lossPermille: number
}

/** Loss matters in steps: below 2 % paths are equals, so that noise does not move traffic. */
const LOSS_STEP_PERMILLE = 20
/** So much less, and half as much at most, is lost where traffic moves to for that. */
const LOSS_GAIN_PERMILLE = 80

/** Negative if `a` is the better path. A total order. */
export function comparePaths(a: PathQuality, b: PathQuality): number {
  if (a.up !== b.up) return a.up ? -1 : 1
  const loss = lossStep(a) - lossStep(b)
  if (loss !== 0) return loss
  const rtt = (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity)
  if (rtt !== 0 && !Number.isNaN(rtt)) return rtt
  const [keyA, keyB] = [wayKey(a), wayKey(b)]
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0
}

/** Whether `challenger` is so much better than `incumbent` that traffic should move. */
export function shouldReplace(incumbent: PathQuality, challenger: PathQuality): boolean {
  if (challenger.up !== incumbent.up) return challenger.up
  if (losesLess(challenger, incumbent)) return true
  if (lossStep(challenger) > lossStep(incumbent)) return false
  if (challenger.rttMs === undefined || incumbent.rttMs === undefined) return false
  const gainMs = incumbent.rttMs - challenger.rttMs
  return gainMs > HYSTERESIS_MS && gainMs > incumbent.rttMs * HYSTERESIS_RATIO
}

/** Best first, but `incumbent`, named by its key, stays first unless another deserves its place. */
export function orderPaths<P extends PathQuality>(
  paths: readonly P[],
  incumbent: string | undefined,
): P[] {
  if (paths.length < 2) return [...paths]
  const sorted = [...paths].sort(comparePaths)
  const current = sorted.find((path) => wayKey(path) === incumbent)
  const best = sorted[0]
  if (current === undefined || best === undefined || current === best) return sorted
  if (shouldReplace(current, best)) return sorted
  return [current, ...sorted.filter((path) => path !== current)]
}

/** Chance alone makes two of the same loss differ by some probes of 64. */
function losesLess(a: PathQuality, b: PathQuality): boolean {
  return (
    a.lossPermille <= b.lossPermille - LOSS_GAIN_PERMILLE && a.lossPermille <= b.lossPermille / 2
  )
}

function lossStep(path: PathQuality): number {
  return Math.floor(path.lossPermille / LOSS_STEP_PERMILLE)
}
