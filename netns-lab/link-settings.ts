// SPDX-License-Identifier: Apache-2.0
import type { LinkChange } from './description.ts'

/** Applies a change to a link's settings; the result has each direction spelled out. */
export function mergeImpairments(before: LinkChange, change: LinkChange): LinkChange {
  const { out, in: inward, unplugged, ...both } = change
  const { out: outBefore, in: inBefore, unplugged: unpluggedBefore, ...bothBefore } = before
  return {
    unplugged: unplugged ?? unpluggedBefore ?? false,
    out: { ...bothBefore, ...outBefore, ...both, ...out },
    in: { ...bothBefore, ...inBefore, ...both, ...inward },
  }
}
