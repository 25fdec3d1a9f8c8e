// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a node: one step at a time, its effects performed in order, and a timer for its next deadline. What effects bring
 * about comes back as events; nothing else reaches into the state.
 */
import type { Now } from '../../nat/clock.ts'
import type { Effect } from '../core/effect.ts'
import type { Event } from '../core/event.ts'
import { nextDeadline, step } from '../core/node.ts'
import type { Node } from '../core/state.ts'

/** setTimeout turns anything longer into no wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A deadline that has passed still yields to the event loop, so that sockets are read between steps. */
const TIMER_MS_MIN = 1

export interface LoopOptions {
  readonly node: Node
  readonly readClock: () => Now
  readonly perform: (effect: Effect) => void
}

export class Loop {
  readonly #options: LoopOptions
  readonly #queue: Event[] = []
  #running = false
  #closed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** Takes an event; if a step is under way, after that. */
  dispatch(event: Event): void {
    if (this.#closed) return
    this.#queue.push(event)
    if (this.#running) return
    this.#running = true
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        this.#step(next)
      }
    } finally {
      this.#running = false
    }
    this.#arm()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #step(event: Event): void {
    const { node, readClock, perform } = this.#options
    for (const effect of step(node, event, readClock())) perform(effect)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const deadline = nextDeadline(this.#options.node)
    if (deadline === undefined || this.#closed) return
    const waitMs = deadline - this.#options.readClock().instant
    const boundedMs = Math.min(TIMER_MS_MAX, Math.max(TIMER_MS_MIN, waitMs))
    this.#timer = setTimeout(() => this.dispatch({ kind: 'tick' }), boundedMs)
  }
}
