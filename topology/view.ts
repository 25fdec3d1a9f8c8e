// SPDX-License-Identifier: Apache-2.0
/**
 * The fold of all valid records. Per node the greatest of
 *
 * ```
 * (certificate serial, version, envelope bytes)
 * ```
 * is kept: a total order, so the fold is commutative, associative and idempotent, and the same
 * records in any order give the same view. The serial comes first because it is the authority's word: a node
 * whose state was rolled back cannot outbid its renewed certificate with a higher version. Bytes
 * come last and only matter if a node says two things under one version.
 */
import type { WallTime } from '../nat/clock.ts'
import type { NodeId } from './identity.ts'
import type { NodeRecord, RecordEnvelope } from './record.ts'

/** Ten times the size that we plan for; a record is at most 8 KiB. */
export const VIEW_NODES_MAX = 10_000

export interface ViewEntry {
  readonly record: NodeRecord
  readonly envelope: RecordEnvelope
}

export interface View {
  readonly entries: Map<NodeId, ViewEntry>
  readonly nodesMax: number
}

export type Acceptance = 'newer' | 'same' | 'older' | 'full'

export function createView(nodesMax: number = VIEW_NODES_MAX): View {
  return { entries: new Map(), nodesMax }
}

/**
 * `record`: verified, and read from `envelope`. Full: the view holds as many nodes as it may, and
 * this one is not kept. Then too the order does not matter: the lowest node ids are kept.
 */
export function acceptRecord(view: View, record: NodeRecord, envelope: RecordEnvelope): Acceptance {
  const id = record.certificate.node
  const known = view.entries.get(id)
  const entry = { record, envelope }
  if (known !== undefined) {
    const order = compareEntries(entry, known)
    if (order > 0) view.entries.set(id, entry)
    return order > 0 ? 'newer' : order < 0 ? 'older' : 'same'
  }
  if (view.entries.size >= view.nodesMax) {
    const highest = highestNode(view)
    if (highest === undefined || id > highest) return 'full'
    view.entries.delete(highest)
  }
  view.entries.set(id, entry)
  return 'newer'
}

/** Every node's record, sorted by node id; nodes that left are among them (`present: false`). */
export function members(view: View): NodeRecord[] {
  return sortedEntries(view).map(({ record }) => record)
}

export function sortedEntries(view: View): ViewEntry[] {
  return [...view.entries.values()].sort((a, b) =>
    a.record.certificate.node < b.record.certificate.node ? -1 : 1,
  )
}

/** Drops records whose certificate ran out, and names their nodes in order. */
export function dropExpired(view: View, now: WallTime): NodeId[] {
  const dropped = [...view.entries]
    .filter(([, { record }]) => record.certificate.notAfter <= now)
    .map(([id]) => id)
    .sort()
  for (const id of dropped) view.entries.delete(id)
  return dropped
}

/** Negative, zero or positive, as `a` is older than, the same as or newer than `b`. */
export function compareEntries(a: ViewEntry, b: ViewEntry): number {
  return (
    a.record.certificate.serial - b.record.certificate.serial ||
    a.record.version - b.record.version ||
    compareBytes(a.envelope.bytes, b.envelope.bytes)
  )
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!
  }
  return a.length - b.length
}

function highestNode(view: View): NodeId | undefined {
  let highest: NodeId | undefined
  for (const id of view.entries.keys()) {
    if (highest === undefined || id > highest) highest = id
  }
  return highest
}
