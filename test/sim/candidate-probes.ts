// SPDX-License-Identifier: Apache-2.0
/** Probes to candidates that are waiting for their answers, within the protocol's bounds. */
import type { TransportAddress } from '../../nat/address.ts'

const PER_PEER_MAX = 64
const TIMEOUT_MS = 3_000

interface CandidateProbe {
  readonly peer: string
  readonly endpoint: TransportAddress
  readonly sentMs: number
}

export class CandidateProbes {
  readonly #open = new Map<string, CandidateProbe>()
  /** Beyond the bounds, which a sound agent keeps. */
  refused = 0

  /** False if there are too many. */
  ask(transaction: string, probe: CandidateProbe): boolean {
    let outstanding = 0
    for (const [key, open] of this.#open) {
      if (probe.sentMs - open.sentMs > TIMEOUT_MS) this.#open.delete(key)
      else if (open.peer === probe.peer) outstanding += 1
    }
    if (outstanding >= PER_PEER_MAX) {
      this.refused += 1
      return false
    }
    this.#open.set(transaction, probe)
    return true
  }

  /** The probe that an answer belongs to; it is not waiting any more. */
  take(transaction: string): CandidateProbe | undefined {
    const open = this.#open.get(transaction)
    this.#open.delete(transaction)
    return open
  }

  clear(): void {
    this.#open.clear()
  }
}
