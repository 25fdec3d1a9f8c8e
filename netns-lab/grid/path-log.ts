// SPDX-License-Identifier: Apache-2.0
import type { Member } from '../member.ts'

/** What one member's log tells of when its paths came. Times are wall clock, ms since 1970. */
export interface PathLog {
  /** When its agent ran. */
  readonly ranAt: number
  /** By peer's name: when the first path of any kind was proven, and when the first direct one. */
  readonly firstAt: ReadonlyMap<string, number>
  readonly directAt: ReadonlyMap<string, number>
}

export async function readPathLog(member: Member): Promise<PathLog> {
  let ranAt = Number.NaN
  const firstAt = new Map<string, number>()
  const directAt = new Map<string, number>()
  for (const entry of await member.log()) {
    const at = Date.parse(String(entry['time']))
    if (entry['msg'] === 'agent runs') ranAt = at
    const peer = entry['peer']
    if (entry['msg'] !== 'path proven' || typeof peer !== 'string') continue
    if (!firstAt.has(peer)) firstAt.set(peer, at)
    if (String(entry['path']).startsWith('direct ') && !directAt.has(peer)) directAt.set(peer, at)
  }
  return { ranAt, firstAt, directAt }
}

/**
 * Milliseconds from both agents' running until both sides had proven a path; undefined if one never did. A path that one
 * side had before the other's agent said that it ran counts from zero.
 */
export function pairMs(
  [nameA, a]: readonly [string, PathLog],
  [nameB, b]: readonly [string, PathLog],
  which: 'firstAt' | 'directAt',
): number | undefined {
  const [seenByA, seenByB] = [a[which].get(nameB), b[which].get(nameA)]
  if (seenByA === undefined || seenByB === undefined) return undefined
  return Math.max(0, Math.max(seenByA, seenByB) - Math.max(a.ranAt, b.ranAt))
}
