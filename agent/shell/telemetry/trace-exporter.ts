// SPDX-License-Identifier: Apache-2.0
/** Spans on their way to a collector: a bounded queue, one request at a time, and nobody waits for it. */
import type { Span } from './span.ts'

/** Minutes of a bad day; some 400 bytes each. */
export const QUEUE_MAX = 1_024
export const BATCH_MAX = 256
export const EXPORT_EVERY_MS = 5_000
const REST_MS_MAX = 5 * 60_000

/** `later`: worth another attempt, `never`: these spans will not be taken. */
export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'later' | 'never'; readonly reason: string }

export interface TraceExporterOptions {
  readonly post: (spans: readonly Span[]) => Promise<PostOutcome>
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** What a person should hear: once when it begins to fail, once when it goes on. */
  readonly tell: (level: 'warn' | 'info', message: string, fields: object) => void
}

export class TraceExporter {
  readonly #options: TraceExporterOptions
  #queue: Span[] = []
  #dropped = 0
  #sending: Promise<void> | undefined
  #restMs = 0
  #notBeforeMs = 0

  constructor(options: TraceExporterOptions) {
    this.#options = options
  }

  /** The oldest give way: what happens now is what somebody looks for. */
  add(spans: readonly Span[]): void {
    this.#queue.push(...spans)
    this.#bound()
  }

  /** Sends what waits, unless that is under way or was refused a moment ago. Never rejects. */
  flush(): Promise<void> {
    if (this.#sending === undefined && this.#options.now() >= this.#notBeforeMs)
      this.#sending = this.#sendAll().finally(() => (this.#sending = undefined))
    return this.#sending ?? Promise.resolve()
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH_MAX)
      const outcome = await this.#options.post(batch)
      if (outcome.kind === 'later') {
        this.#queue.unshift(...batch)
        this.#bound()
        return this.#rest(outcome.reason)
      }
      if (outcome.kind === 'never') this.#refused(batch.length, outcome.reason)
      else if (this.#restMs > 0) this.#options.tell('info', 'traces go out again', this.#lost())
      this.#restMs = 0
    }
  }

  #refused(count: number, reason: string): void {
    this.#dropped += count
    this.#options.tell('warn', 'traces refused', { reason, ...this.#lost() })
  }

  #rest(reason: string): void {
    const { now, tell } = this.#options
    if (this.#restMs === 0) tell('warn', 'traces do not go out', { reason })
    this.#restMs = Math.min(REST_MS_MAX, Math.max(EXPORT_EVERY_MS, 2 * this.#restMs))
    this.#notBeforeMs = now() + this.#restMs
  }

  #bound(): void {
    const excess = Math.max(0, this.#queue.length - QUEUE_MAX)
    this.#queue.splice(0, excess)
    this.#dropped += excess
  }

  #lost(): object {
    return this.#dropped === 0 ? {} : { dropped: this.#dropped }
  }
}
