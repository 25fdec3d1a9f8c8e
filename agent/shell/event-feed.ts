// SPDX-License-Identifier: Apache-2.0
/** Hands what happens to everybody who follows it. */
import { type EventEntry, EVENTS_MAX } from '../core/event-log.ts'

/** Who reads so slowly that this many wait is let go: the agent's memory is not theirs. */
const WAITING_MAX = 4 * EVENTS_MAX

export class EventFeed {
  readonly #followers = new Set<(entry: EventEntry) => void>()

  push(entry: EventEntry): void {
    for (const tell of this.#followers) tell(entry)
  }

  /** What has happened, and then what happens, until the caller hangs up. */
  async *follow(past: readonly EventEntry[], gone: AbortSignal): AsyncGenerator<EventEntry> {
    const waiting = [...past]
    let wake = () => {}
    const tell = (entry: EventEntry) => {
      if (waiting.length === WAITING_MAX) this.#followers.delete(tell)
      else waiting.push(entry)
      wake()
    }
    this.#followers.add(tell)
    gone.addEventListener('abort', () => wake(), { once: true })
    try {
      while (!gone.aborted && this.#followers.has(tell)) {
        if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        yield* waiting.splice(0)
      }
    } finally {
      this.#followers.delete(tell)
    }
  }
}
