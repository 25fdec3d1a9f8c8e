// SPDX-License-Identifier: Apache-2.0
import type { QuorumStatus } from '../../core/status.ts'
import { delay } from '../clock.ts'

/** Between an answer and the next question; the question itself takes seconds where nobody answers. */
export const QUORUM_LOOK_MS = 5_000

/** Asks the store that authorities share for its members, again and again, until the signal is aborted. */
export async function watchQuorum(
  ask: () => Promise<QuorumStatus>,
  onQuorum: (quorum: QuorumStatus) => void,
  stopped: AbortSignal,
): Promise<void> {
  while (!stopped.aborted) {
    const quorum = await ask()
    if (stopped.aborted) return
    onQuorum(quorum)
    await delay(QUORUM_LOOK_MS, stopped)
  }
}
