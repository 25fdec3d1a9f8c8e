// SPDX-License-Identifier: Apache-2.0
import type { SearchVerdict } from '../../../nat/search/birthday.ts'
import { createSearchState, type SearchState } from '../../../nat/search/search-schedule.ts'
import type { NodeRecord } from '../../../topology/record.ts'

/** A peer's part of a node's searches. */
export interface PeerSearch {
  readonly state: SearchState
  /** The helper's name for the last search that this node began. */
  transaction: string | undefined
  /** What the two records below come to: they change seldom, and are asked about in every step. */
  verdict: SearchVerdict | undefined
  from: { readonly own: NodeRecord; readonly peer: NodeRecord } | undefined
}

export function createPeerSearch(): PeerSearch {
  return { state: createSearchState(), transaction: undefined, verdict: undefined, from: undefined }
}
