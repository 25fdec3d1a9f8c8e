// SPDX-License-Identifier: Apache-2.0
/**
 * What two neighbours say to each other to bring their views together, one frame a message.
 *
 * ```
 * hello   = ["hello", record: bstr, [* 2048 entry], notices: bstr .size 8, last: bool]
 *                                                                 the sender's own record, its digest and that of its notices
 * digest  = ["digest", [* 2048 entry], last: bool]                more of the digest
 * want    = ["want", [* 2048 node: bstr .size 32], last: bool]
 * notices = ["notices", [* 256 notice: bstr], last: bool]
 * entry   = [node: bstr .size 32, serial: uint, version: uint, tail: bstr .size 8]
 * ```
 * Canonical CBOR, at most 262144 bytes a frame; a list that does not fit goes on in the next frame until one is
 * the last. The sequence: both send hello and digest, and their notices if those differ; the second tells what it lacks
 * itself (want). Records go another way (control-frame.ts).
 */
import { err, ok, type Result } from '../nat/result.ts'
import { DIGEST_TAIL_BYTES, type Digest, type DigestEntry } from './anti-entropy.ts'
import {
  type CborFault,
  type CborValue,
  decodeCanonical,
  encodeCanonical,
} from './canonical-cbor.ts'
import { boolean, bytes, hex, integer, listOf, mapped, type Schema, tuple } from './cbor-schema.ts'
import { SERIAL_MAX } from './certificate.ts'
import { ENVELOPE_BYTES_MAX } from './envelope.ts'
import { KEY_BYTES, type NodeId } from './identity.ts'
import { NOTICE_BYTES_MAX, NOTICES_DIGEST_BYTES } from './notice.ts'

export type SyncFrame =
  | {
      readonly kind: 'hello'
      readonly record: Uint8Array
      readonly digest: Digest
      /** Of the notices, 16 hex digits. */
      readonly notices: string
      readonly last: boolean
    }
  | { readonly kind: 'digest'; readonly digest: Digest; readonly last: boolean }
  | { readonly kind: 'want'; readonly nodes: readonly NodeId[]; readonly last: boolean }
  | { readonly kind: 'notices'; readonly notices: readonly Uint8Array[]; readonly last: boolean }

export const FRAME_BYTES_MAX = 262_144
/** An entry takes at most 62 bytes: 2048 of them and a record fill half of a frame. */
export const FRAME_ENTRIES_MAX = 2048
export const FRAME_NOTICES_MAX = 256
/** Room for the frame around the notices and the heads of its byte strings. */
const FRAME_NOTICES_BYTES_MAX = FRAME_BYTES_MAX - 4 * FRAME_NOTICES_MAX

const recordSchema = bytes(1, ENVELOPE_BYTES_MAX.record)
const noticesSchema = listOf(bytes(1, NOTICE_BYTES_MAX), FRAME_NOTICES_MAX)
const noticesDigestSchema = hex(NOTICES_DIGEST_BYTES)
const nodesSchema = listOf(hex<NodeId>(KEY_BYTES), FRAME_ENTRIES_MAX)
type EntryTuple = readonly [node: NodeId, serial: number, version: number, tail: string]

const entrySchema: Schema<DigestEntry> = mapped(
  tuple<EntryTuple>(
    hex(KEY_BYTES),
    integer(1, SERIAL_MAX),
    integer(1, Number.MAX_SAFE_INTEGER),
    hex(DIGEST_TAIL_BYTES),
  ),
  ([node, serial, version, tail]) => ({ node, serial, version, tail }),
  ({ node, serial, version, tail }): EntryTuple => [node, serial, version, tail],
)
const digestSchema: Schema<Digest> = listOf(entrySchema, FRAME_ENTRIES_MAX)

export function encodeFrame(frame: SyncFrame): Uint8Array {
  switch (frame.kind) {
    case 'hello': {
      const digest = digestSchema.write(frame.digest)
      const notices = noticesDigestSchema.write(frame.notices)
      return encodeCanonical([frame.kind, frame.record, digest, notices, frame.last])
    }
    case 'digest':
      return encodeCanonical([frame.kind, digestSchema.write(frame.digest), frame.last])
    case 'want':
      return encodeCanonical([frame.kind, nodesSchema.write(frame.nodes), frame.last])
    case 'notices':
      return encodeCanonical([frame.kind, noticesSchema.write(frame.notices), frame.last])
  }
}

/** Never throws. Nothing in a frame is verified yet but its form. */
export function decodeFrame(encoded: Uint8Array): Result<SyncFrame, CborFault> {
  const decoded = decodeCanonical(encoded, FRAME_BYTES_MAX)
  if (!decoded.ok) return decoded
  const frame = Array.isArray(decoded.value) ? readFrame(decoded.value as CborValue[]) : undefined
  return frame === undefined ? err('malformed') : ok(frame)
}

function readFrame(parts: readonly CborValue[]): SyncFrame | undefined {
  const [kind, ...fields] = parts
  if (typeof kind !== 'string') return undefined
  const last = boolean.read(fields.at(-1) ?? null)
  if (last === undefined || fields.length !== (kind === 'hello' ? 4 : 2)) return undefined
  switch (kind) {
    case 'hello': {
      const record = recordSchema.read(fields[0]!)
      const digest = digestSchema.read(fields[1]!)
      const notices = noticesDigestSchema.read(fields[2]!)
      if (record === undefined || digest === undefined || notices === undefined) return undefined
      return { kind, record, digest, notices, last }
    }
    case 'digest': {
      const digest = digestSchema.read(fields[0]!)
      return digest === undefined ? undefined : { kind, digest, last }
    }
    case 'want': {
      const nodes = nodesSchema.read(fields[0]!)
      return nodes === undefined ? undefined : { kind, nodes, last }
    }
    case 'notices': {
      const notices = noticesSchema.read(fields[0]!)
      return notices === undefined ? undefined : { kind, notices, last }
    }
    default:
      return undefined
  }
}

/** The sender's own record with as much of its digest as fits, then the rest. */
export function helloFrames(record: Uint8Array, digest: Digest, notices: string): Uint8Array[] {
  return chunks(digest, () => 1, FRAME_ENTRIES_MAX).map((part, i, { length }) => {
    const last = i === length - 1
    return encodeFrame(
      i === 0
        ? { kind: 'hello', record, digest: part, notices, last }
        : { kind: 'digest', digest: part, last },
    )
  })
}

export function wantFrames(nodes: readonly NodeId[]): Uint8Array[] {
  return chunks(nodes, () => 1, FRAME_ENTRIES_MAX).map((part, i, { length }) =>
    encodeFrame({ kind: 'want', nodes: part, last: i === length - 1 }),
  )
}

export function noticeFrames(notices: readonly Uint8Array[]): Uint8Array[] {
  // Counts as bytes, and never less than its share of the count.
  const share = FRAME_NOTICES_BYTES_MAX / FRAME_NOTICES_MAX
  const weightOf = ({ length }: Uint8Array) => Math.max(length, share)
  return chunks(notices, weightOf, FRAME_NOTICES_BYTES_MAX).map((part, i, { length }) =>
    encodeFrame({ kind: 'notices', notices: part, last: i === length - 1 }),
  )
}

/** Runs of items whose weights add up to at most `weightMax`; one empty run if there are no items. */
function chunks<T>(items: readonly T[], weightOf: (item: T) => number, weightMax: number): T[][] {
  let run: T[] = []
  let weight = 0
  const runs = [run]
  for (const item of items) {
    weight += weightOf(item)
    if (weight > weightMax) {
      run = []
      runs.push(run)
      weight = weightOf(item)
    }
    run.push(item)
  }
  return runs
}
