// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises'

export interface Wait {
  readonly deadlineMs: number
  /** What is waited for, for the error. */
  readonly what: string
  readonly pollMs?: number
}

/**
 * Asks the condition again and again until it holds, that is, gives something other than false, undefined or null.
 * A condition that throws does not hold yet; after the deadline its last error is the cause of the error thrown.
 */
export async function until<T>(
  condition: () => Promise<T> | T,
  { deadlineMs, what, pollMs = 20 }: Wait,
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = performance.now() + deadlineMs
  let lastError: Error | undefined
  for (;;) {
    try {
      const value = await condition()
      lastError = undefined
      if (value !== false && value !== undefined && value !== null) {
        return value as Exclude<T, false | undefined | null>
      }
    } catch (error) {
      lastError = error instanceof Error ? error : new Error('it threw', { cause: error })
    }
    if (performance.now() > deadline) {
      const reason = lastError === undefined ? '' : `: ${lastError.message}`
      throw new Error(`not within ${deadlineMs} ms: ${what}${reason}`, { cause: lastError })
    }
    await delay(pollMs)
  }
}
