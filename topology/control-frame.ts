// SPDX-License-Identifier: Apache-2.0
/**
 * What travels on a control stream. Messages one way:
 *
 * ```
 *  0       4      5
 * +--------+------+---------
 * | number | kind | content            number: big endian
 * +--------+------+---------
 * ```
 * and the numbers of those that were dealt with, four bytes each, the other way.
 */
import { err, ok, type Result } from '../nat/result.ts'
import { ENVELOPE_BYTES_MAX } from './envelope.ts'
import { NOTICE_BYTES_MAX } from './notice.ts'

/** notice: what the authority says. signal: hops and a signal, as in signal-protocol. record: a node's own. */
export type ControlKind = 'notice' | 'signal' | 'record'

export interface ControlContent {
  readonly kind: ControlKind
  readonly bytes: Uint8Array
}

export interface ControlFrame {
  readonly number: number
  readonly content: ControlContent
}

const KINDS: readonly ControlKind[] = ['notice', 'signal', 'record']

/** Most bytes of a content. */
export const CONTENT_BYTES_MAX: Readonly<Record<ControlKind, number>> = {
  notice: NOTICE_BYTES_MAX,
  signal: 1 + ENVELOPE_BYTES_MAX.signal,
  record: ENVELOPE_BYTES_MAX.record,
}

const HEAD_BYTES = 5
export const ACKNOWLEDGEMENT_BYTES = 4
export const CONTROL_FRAME_BYTES_MAX = HEAD_BYTES + NOTICE_BYTES_MAX

/** `number`: below 2^32. */
export function encodeControlFrame({ number, content }: ControlFrame): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + content.bytes.length)
  new DataView(frame.buffer).setUint32(0, number)
  frame[4] = KINDS.indexOf(content.kind)
  frame.set(content.bytes, HEAD_BYTES)
  return frame
}

/** Never throws. Nothing in it is verified but its form. */
export function decodeControlFrame(
  frame: Uint8Array,
): Result<ControlFrame, 'malformed' | 'too-large'> {
  const kind = KINDS[frame[4] ?? KINDS.length]
  if (kind === undefined || frame.length === HEAD_BYTES) return err('malformed')
  if (frame.length - HEAD_BYTES > CONTENT_BYTES_MAX[kind]) return err('too-large')
  return ok({ number: numberAt(frame), content: { kind, bytes: frame.slice(HEAD_BYTES) } })
}

export function encodeAcknowledgement(number: number): Uint8Array {
  const frame = new Uint8Array(ACKNOWLEDGEMENT_BYTES)
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}

/** The number; undefined for anything else. */
export function decodeAcknowledgement(frame: Uint8Array): number | undefined {
  return frame.length === ACKNOWLEDGEMENT_BYTES ? numberAt(frame) : undefined
}

function numberAt(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(0)
}
