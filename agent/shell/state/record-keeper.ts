// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps records over restarts. Our own version is on the disk before anybody hears of it; the records of others are only a
 * good start for the next run, so they are written together, at a pace.
 */
import type { NodeId } from '../../../topology/identity.ts'
import type { RecordEnvelope } from '../../../topology/record.ts'
import { sortedEntries, type View } from '../../../topology/view.ts'
import type { Log } from '../log.ts'
import type { StateDir } from './state-dir.ts'

const SAVE_PAUSE_MS = 1_000

export class RecordKeeper {
  readonly #state: StateDir
  readonly #self: NodeId
  readonly #view: () => View
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined

  constructor(options: { state: StateDir; self: NodeId; view: () => View; log: Log }) {
    this.#state = options.state
    this.#self = options.self
    this.#view = options.view
    this.#log = options.log
  }

  keep(node: NodeId, envelope: RecordEnvelope): void {
    if (node === this.#self) {
      const own = this.#view().entries.get(node)
      if (own !== undefined && own.envelope === envelope) this.#saveVersion(own.record.version)
      // What a token says of where to knock is read from here.
      this.flush()
      return
    }
    this.#timer ??= setTimeout(() => this.flush(), SAVE_PAUSE_MS)
  }

  /** Writes what waits to be written. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const envelopes = sortedEntries(this.#view()).map((entry) => entry.envelope.bytes)
    this.#attempt(() => this.#state.saveRecords(envelopes))
  }

  /** Stops writing, as when the membership is forgotten. */
  drop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #saveVersion(version: number): void {
    this.#attempt(() => this.#state.saveRecordVersion(version))
  }

  /** A full disk must not take the node down: it goes on, and says so. */
  #attempt(save: () => void): void {
    try {
      save()
    } catch (error) {
      this.#log.error({ reason: String(error) }, 'state could not be saved')
    }
  }
}
