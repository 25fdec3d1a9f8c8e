// SPDX-License-Identifier: Apache-2.0
import type { Connection } from '@libp2p/interface'
import { delay } from '../clock.ts'
import { jitter } from '../entropy.ts'

/** What gossip missed while the link came up is made good soon, later losses within half a minute. */
const FIRST_DELAYS_MS = [0, 1_000, 3_000]
const PERIOD_MS = 30_000

/** Repeats the sync on every connection that this side dialled, until it closes. */
export class SyncSchedule {
  readonly #synchronise: (connection: Connection) => Promise<void>
  readonly #running = new Map<Connection, AbortController>()

  /** `synchronise` must not reject. */
  constructor(synchronise: (connection: Connection) => Promise<void>) {
    this.#synchronise = synchronise
  }

  begin(connection: Connection): void {
    const stop = new AbortController()
    this.#running.set(connection, stop)
    void this.#run(connection, stop.signal)
  }

  end(connection: Connection): void {
    this.#running.get(connection)?.abort()
    this.#running.delete(connection)
  }

  close(): void {
    for (const connection of this.#running.keys()) this.end(connection)
  }

  async #run(connection: Connection, stopped: AbortSignal): Promise<void> {
    const startMs = performance.now()
    for (let round = 0; !stopped.aborted; round++) {
      const fixed = FIRST_DELAYS_MS[round]
      const pauseMs =
        fixed === undefined
          ? PERIOD_MS * (0.75 + jitter() / 2)
          : startMs + fixed - performance.now()
      if (pauseMs > 0) await delay(pauseMs, stopped)
      if (!stopped.aborted) await this.#synchronise(connection)
    }
  }
}
