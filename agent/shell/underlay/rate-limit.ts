// SPDX-License-Identifier: Apache-2.0

/** Subjects remembered at once; the longest unseen is forgotten first. */
const SUBJECTS_MAX = 4_096

interface Bucket {
  tokens: number
  atMs: number
}

/** A token bucket for each subject (an address, a node): so many a second, and as many at once. */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(perSecond: number, burst = Math.max(1, perSecond)) {
    this.#perSecond = perSecond
    this.#burst = burst
  }

  /** Whether one more is allowed now; counts it if so. */
  take(subject: string, nowMs = performance.now()): boolean {
    const known = this.#buckets.get(subject) ?? { tokens: this.#burst, atMs: nowMs }
    const refilled = known.tokens + ((nowMs - known.atMs) / 1_000) * this.#perSecond
    const tokens = Math.min(this.#burst, refilled)
    const allowed = tokens >= 1
    // Set anew, so that the map's order is the order of last use.
    this.#buckets.delete(subject)
    this.#buckets.set(subject, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs })
    if (this.#buckets.size > SUBJECTS_MAX) this.#forgetOldest()
    return allowed
  }

  #forgetOldest(): void {
    for (const subject of this.#buckets.keys()) {
      this.#buckets.delete(subject)
      return
    }
  }
}
