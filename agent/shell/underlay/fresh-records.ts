// SPDX-License-Identifier: Apache-2.0
/**
 * Gossip reaches a neighbour only once both sides have opened their streams and grafted each other.
 * Until then news is handed to it directly, so that what happens in the moment of joining, which
 * is when hole punching needs it, is not heard a second late.
 */
import type { NodeId } from '../../../topology/identity.ts'

/** Later syncs and gossip's own repair make up for whatever is missed after this. */
const YOUNG_MS = 3_000

export interface FreshRecordsOptions {
  neighbours(): readonly NodeId[]
  ageMs(node: NodeId): number
  /** Whether gossip is sure to hand the neighbour what is forwarded now. */
  isGrafted(node: NodeId): boolean
  push(node: NodeId, record: Uint8Array): void
}

export class FreshRecords {
  readonly #options: FreshRecordsOptions

  constructor(options: FreshRecordsOptions) {
    this.#options = options
  }

  /** `from`: the neighbour that told us, which need not hear it again. */
  tell(bytes: Uint8Array, from?: NodeId): void {
    for (const node of this.#options.neighbours()) {
      const isYoung = this.#options.ageMs(node) < YOUNG_MS
      if (node !== from && isYoung && !this.#options.isGrafted(node))
        this.#options.push(node, bytes)
    }
  }
}
