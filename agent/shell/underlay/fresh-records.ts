// SPDX-License-Identifier: Apache-2.0
/**
 * Gossip reaches a neighbour only once both sides have opened their streams and grafted each other.
 * Until then news is handed to it directly, so that what happens in the moment of joining, which
 * is when hole punching needs it, is not heard a second late.
 */
import type { NodeId } from '../../../topology/identity.ts'
import { FRAME_RECORDS_MAX } from '../../../topology/sync-frame.ts'

/** Later syncs and gossip's own repair make up for whatever is missed after this. */
const YOUNG_MS = 3_000
/** News that arrives together leaves together. */
const GATHER_MS = 5
const BYTES_MAX = 128 * 1024

export interface FreshRecordsOptions {
  neighbours(): readonly NodeId[]
  ageMs(node: NodeId): number
  /** Whether gossip is sure to hand the neighbour what is forwarded now. */
  isGrafted(node: NodeId): boolean
  push(node: NodeId, records: readonly Uint8Array[]): void
}

interface Waiting {
  readonly records: Uint8Array[]
  bytes: number
}

export class FreshRecords {
  readonly #options: FreshRecordsOptions
  readonly #waiting = new Map<NodeId, Waiting>()

  constructor(options: FreshRecordsOptions) {
    this.#options = options
  }

  /** `from`: the neighbour that told us, which need not hear it again. */
  tell(bytes: Uint8Array, from?: NodeId): void {
    for (const node of this.#options.neighbours()) {
      const isYoung = this.#options.ageMs(node) < YOUNG_MS
      if (node !== from && isYoung && !this.#options.isGrafted(node)) this.#queue(node, bytes)
    }
  }

  #queue(node: NodeId, bytes: Uint8Array): void {
    const known = this.#waiting.get(node)
    const waiting = known ?? { records: [], bytes: 0 }
    // What does not fit is left to the next sync.
    if (waiting.records.length >= FRAME_RECORDS_MAX) return
    if (waiting.bytes + bytes.length > BYTES_MAX) return
    waiting.records.push(bytes)
    waiting.bytes += bytes.length
    if (known !== undefined) return
    this.#waiting.set(node, waiting)
    setTimeout(() => {
      this.#waiting.delete(node)
      this.#options.push(node, waiting.records)
    }, GATHER_MS).unref()
  }
}
