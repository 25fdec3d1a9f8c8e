// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness that a seed repeats (mulberry32). Streams are split by name, so that one more draw in
 * one place does not change what is drawn everywhere else.
 */
import type { Entropy } from '../../nat/entropy.ts'

export class SeededRandom {
  #state: number

  constructor(seed: number, stream = '') {
    let hash = seed | 0
    for (const character of stream)
      hash = Math.imul(hash ^ character.charCodeAt(0), 0x5bd1e995) ^ (hash >>> 13)
    this.#state = hash
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length - 1)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  readonly entropy: Entropy = (length) =>
    Uint8Array.from({ length }, () => Math.floor(this.next() * 256))
}
