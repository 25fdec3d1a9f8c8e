// SPDX-License-Identifier: Apache-2.0
/**
 * Time that passes only when it is told to. What is due at one moment happens in the order in which
 * it was asked for, so that a seed replays a run exactly.
 */
export interface Alarm {
  readonly atMs: number
  readonly order: number
  cancelled: boolean
  readonly ring: () => void
}

export class VirtualClock {
  #nowMs = 0
  #orders = 0
  /** A binary heap: the earliest alarm at index 0. */
  readonly #heap: Alarm[] = []

  get nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, ring: () => void): Alarm {
    const alarm = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#orders++,
      cancelled: false,
      ring,
    }
    this.#heap.push(alarm)
    this.#siftUp(this.#heap.length - 1)
    return alarm
  }

  every(periodMs: number, ring: () => void): void {
    this.after(periodMs, () => {
      ring()
      this.every(periodMs, ring)
    })
  }

  run(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    for (
      let next = this.#heap[0];
      next !== undefined && next.atMs <= untilMs;
      next = this.#heap[0]
    ) {
      this.#pop()
      if (next.cancelled) continue
      this.#nowMs = next.atMs
      next.ring()
    }
    this.#nowMs = untilMs
  }

  /** Runs until `condition` holds, looking each `stepMs`; whether it came to hold in time. */
  runUntil(condition: () => boolean, limitMs: number, stepMs = 1): boolean {
    for (const endMs = this.#nowMs + limitMs; this.#nowMs < endMs; this.run(stepMs))
      if (condition()) return true
    return condition()
  }

  #pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#siftDown(0)
  }

  #siftUp(index: number): void {
    for (let i = index; i > 0; ) {
      const parent = (i - 1) >> 1
      if (isBefore(this.#heap[parent]!, this.#heap[i]!)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #siftDown(index: number): void {
    for (let i = index; ; ) {
      const left = 2 * i + 1
      const right = left + 1
      let first = i
      if (left < this.#heap.length && isBefore(this.#heap[left]!, this.#heap[first]!)) first = left
      if (right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[first]!))
        first = right
      if (first === i) return
      this.#swap(i, first)
      i = first
    }
  }

  #swap(i: number, j: number): void {
    const moved = this.#heap[i]!
    this.#heap[i] = this.#heap[j]!
    this.#heap[j] = moved
  }
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
