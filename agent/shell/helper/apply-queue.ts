// SPDX-License-Identifier: Apache-2.0
/**
 * Only the newest desired state matters: while one is being applied, a newer one waits and replaces any other that waits.
 */
import type { DesiredState } from '../../core/helper-contract.ts'
import type { Event } from '../../core/event.ts'
import { delay } from '../clock.ts'
import type { HelperClient } from './helper-client.ts'

/** A plan that the system refuses (a taken port, say) is tried again at this pace. */
const RETRY_MS = 2_000

export class ApplyQueue {
  readonly #helper: Pick<HelperClient, 'apply'>
  readonly #onOutcome: (event: Event) => void
  #waiting: DesiredState | undefined
  #busy = false

  constructor(helper: Pick<HelperClient, 'apply'>, onOutcome: (event: Event) => void) {
    this.#helper = helper
    this.#onOutcome = onOutcome
  }

  push(desired: DesiredState): void {
    this.#waiting = desired
    if (!this.#busy) void this.#drain()
  }

  async #drain(): Promise<void> {
    this.#busy = true
    while (this.#waiting !== undefined) {
      const desired = this.#waiting
      this.#waiting = undefined
      const answer = await this.#helper.apply(desired)
      if (answer.ok) this.#onOutcome({ kind: 'applied', changed: answer.value.changed })
      else {
        await delay(RETRY_MS)
        this.#onOutcome({ kind: 'apply-failed', fault: answer.fault })
      }
    }
    this.#busy = false
  }
}
