// SPDX-License-Identifier: Apache-2.0
/**
 * What travels on /meshgate/join/1, one length-prefixed message each way:
 *
 * ```
 * request = hops: 1 byte, 0 or 1 | join request (topology/admission.ts)
 * reply   = status: 1 byte       | reply of the authority (topology/join-reply.ts), with status 0 only
 * ```
 * `hops` is how often the request may still be carried on to an authority.
 */
import { err, ok, type Result } from '../../../nat/result.ts'
import { JOIN_REQUEST_BYTES_MAX } from '../../../topology/admission.ts'
import { JOIN_REPLY_BYTES_MAX } from '../../../topology/join-reply.ts'

export const JOIN_REQUEST_FRAME_BYTES_MAX = 1 + JOIN_REQUEST_BYTES_MAX
export const JOIN_REPLY_FRAME_BYTES_MAX = 1 + JOIN_REPLY_BYTES_MAX

/** no-authority: neither this member nor a neighbour of it answers requests. */
export type JoinFault =
  | 'unreachable'
  | 'no-authority'
  | 'busy'
  | 'timeout'
  | 'refused-by-peer'
  | 'malformed'

const STATUS: readonly (JoinFault | undefined)[] = [undefined, 'no-authority', 'busy', 'timeout']

export interface JoinRequestFrame {
  readonly hops: number
  readonly request: Uint8Array
}

export function encodeJoinRequest({ hops, request }: JoinRequestFrame): Uint8Array {
  return prefixed(hops, request)
}

export function decodeJoinRequest(frame: Uint8Array): Result<JoinRequestFrame, 'malformed'> {
  const hops = frame[0]
  if (hops === undefined || hops > 1) return err('malformed')
  if (frame.length < 2 || frame.length > JOIN_REQUEST_FRAME_BYTES_MAX) return err('malformed')
  return ok({ hops, request: new Uint8Array(frame.subarray(1)) })
}

export function encodeJoinReply(reply: Result<Uint8Array, JoinFault>): Uint8Array {
  if (reply.ok) return prefixed(0, reply.value)
  return Uint8Array.of(Math.max(1, STATUS.indexOf(reply.error)))
}

export function decodeJoinReply(frame: Uint8Array): Result<Uint8Array, JoinFault> {
  if (frame[0] === 0 && frame.length > 1) return ok(new Uint8Array(frame.subarray(1)))
  return err(STATUS[frame[0] ?? STATUS.length] ?? 'malformed')
}

function prefixed(first: number, rest: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + rest.length)
  frame[0] = first
  frame.set(rest, 1)
  return frame
}
