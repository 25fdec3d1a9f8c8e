// SPDX-License-Identifier: Apache-2.0
/**
 * SWIM's messages, one a datagram inside the mesh. Integers big-endian, addresses are mesh IPv4 addresses:
 *
 * ```
 * | version 1 | type 1 | sequence 4 | target 4 | count 1 | updates: count times 15 |     at most 39 updates, 596 bytes
 * update: | life 1 | member 4 | incarnation 6 | by 4 |
 * ```
 * type 1 ping: are you there, target. 2 ack: target is there. 3 ping-req: ask target for me. 4 nack: target has not
 * answered me. Who sent it is what WireGuard proved: the datagram's source address.
 */
import { formatIp, parseIp } from '../nat/address.ts'
import { err, ok, type Result } from '../nat/result.ts'
import type { Update } from './dissemination.ts'
import type { Life } from './incarnation.ts'

export type SwimMessageType = 'ping' | 'ack' | 'ping-req' | 'nack'

export interface SwimMessage {
  readonly type: SwimMessageType
  readonly sequence: number
  readonly target: string
  readonly updates: readonly Update[]
}

export type SwimFault = 'too-short' | 'too-large' | 'unsupported-version' | 'malformed'

/** UDP, on every member's mesh address. */
export const MESH_PORT = 41_119

const VERSION = 1
const HEAD_BYTES = 11
const UPDATE_BYTES = 15
export const UPDATES_MAX = 39
export const SWIM_BYTES_MAX = HEAD_BYTES + UPDATES_MAX * UPDATE_BYTES

const TYPES: readonly SwimMessageType[] = ['ping', 'ack', 'ping-req', 'nack']
const LIVES: readonly Life[] = ['alive', 'suspect', 'failed', 'left']

export function encodeSwim({ type, sequence, target, updates }: SwimMessage): Uint8Array {
  const told = updates.slice(0, UPDATES_MAX)
  const bytes = new Uint8Array(messageBytes({ updates: told }))
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes[1] = TYPES.indexOf(type) + 1
  view.setUint32(2, sequence)
  bytes.set(ipv4Bytes(target), 6)
  bytes[10] = told.length
  for (const [i, { life, member, incarnation, by }] of told.entries()) {
    const at = HEAD_BYTES + i * UPDATE_BYTES
    bytes[at] = LIVES.indexOf(life) + 1
    bytes.set(ipv4Bytes(member), at + 1)
    view.setUint16(at + 5, Math.floor(incarnation / 2 ** 32))
    view.setUint32(at + 7, incarnation % 2 ** 32)
    bytes.set(ipv4Bytes(by), at + 11)
  }
  return bytes
}

/** Never throws. */
export function decodeSwim(bytes: Uint8Array): Result<SwimMessage, SwimFault> {
  if (bytes.length < HEAD_BYTES) return err('too-short')
  if (bytes.length > SWIM_BYTES_MAX) return err('too-large')
  if (bytes[0] !== VERSION) return err('unsupported-version')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const type = TYPES[bytes[1]! - 1]
  const count = bytes[10]!
  if (type === undefined || bytes.length !== HEAD_BYTES + count * UPDATE_BYTES) {
    return err('malformed')
  }
  const updates: Update[] = []
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * UPDATE_BYTES
    const life = LIVES[bytes[at]! - 1]
    if (life === undefined) return err('malformed')
    const incarnation = view.getUint16(at + 5) * 2 ** 32 + view.getUint32(at + 7)
    const member = formatIp(bytes.subarray(at + 1, at + 5))
    updates.push({ life, member, incarnation, by: formatIp(bytes.subarray(at + 11, at + 15)) })
  }
  const target = formatIp(bytes.subarray(6, 10))
  return ok({ type, sequence: view.getUint32(2), target, updates })
}

/** What a message takes in a datagram. */
export function messageBytes({ updates }: Pick<SwimMessage, 'updates'>): number {
  return HEAD_BYTES + updates.length * UPDATE_BYTES
}

function ipv4Bytes(address: string): Uint8Array {
  const parsed = parseIp(address)
  return parsed.ok && parsed.value.length === 4 ? parsed.value : new Uint8Array(4)
}
