// SPDX-License-Identifier: Apache-2.0
import { instant, type Now, wallTime } from '../../nat/clock.ts'

/** Both times, read together. */
export function readClock(): Now {
  return { instant: instant(performance.now()), wall: wallTime(Date.now()) }
}

/** After a delay, or at once when the signal is aborted; never rejects. */
export function delay(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const finish = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, delayMs)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
