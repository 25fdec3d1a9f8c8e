// SPDX-License-Identifier: Apache-2.0
import type { LinkChange } from './description.ts'

/** Applies a change to a link's settings; the result has each direction spelled out. */
export function mergeImpairments(before: LinkChange, change: LinkChange): LinkChange {
  const { out, in: inward, ...both } = change
  const { out: outBefore, in: inBefore, ...bothBefore } = before
  return {
    out: { ...bothBefore, ...outBefore, ...both, ...out },
    in: { ...bothBefore, ...inBefore, ...both, ...inward },
  }
}
