// SPDX-License-Identifier: Apache-2.0
/**
 * Two views compared by what they hold, so that only the difference travels. Gossip is best effort;
 * this is what makes views converge.
 */
import { toHex } from '../nat/hex.ts'
import type { NodeId } from './identity.ts'
import { sortedEntries, VIEW_NODES_MAX, type View } from './view.ts'

/** What orders one node's records (see view.ts), in brief. */
export interface DigestEntry {
  readonly node: NodeId
  readonly serial: number
  readonly version: number
  /** The last 8 bytes of the envelope, of its signature that is, as 16 hex digits. */
  readonly tail: string
}

/** Sorted by node id, each at most once. */
export type Digest = readonly DigestEntry[]

export interface Difference {
  /** Nodes whose record the other side lacks, or has an older one of. */
  readonly send: readonly NodeId[]
  readonly want: readonly NodeId[]
}

export const DIGEST_TAIL_BYTES = 8
export const DIGEST_ENTRIES_MAX = VIEW_NODES_MAX

export function digestOf(view: View): Digest {
  return sortedEntries(view).map(({ record, envelope }) => ({
    node: record.certificate.node,
    serial: record.certificate.serial,
    version: record.version,
    tail: toHex(envelope.bytes.subarray(-DIGEST_TAIL_BYTES)),
  }))
}

/**
 * Both sorted by node id. Records that differ under one version go both ways: which of them is kept
 * is for the view to say.
 */
export function difference(own: Digest, remote: Digest): Difference {
  const theirs = new Map(remote.map((entry) => [entry.node, entry]))
  const ours = new Map(own.map((entry) => [entry.node, entry]))
  return {
    send: own.filter((entry) => mayBeNewer(entry, theirs.get(entry.node))).map(({ node }) => node),
    want: remote.filter((entry) => mayBeNewer(entry, ours.get(entry.node))).map(({ node }) => node),
  }
}

function mayBeNewer(entry: DigestEntry, other: DigestEntry | undefined): boolean {
  if (other === undefined) return true
  if (entry.serial !== other.serial) return entry.serial > other.serial
  if (entry.version !== other.version) return entry.version > other.version
  return entry.tail !== other.tail
}
