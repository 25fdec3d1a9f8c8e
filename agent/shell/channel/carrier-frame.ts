// SPDX-License-Identifier: Apache-2.0
/**
 * What a carrier and the helper say to each other, word for word as in native/PROTOCOL.md, Data channels:
 *
 * ```
 *  0   1   kind: 1 packet, 2 open, 3 closed
 *  1   1   zero
 *  2   2   length of the payload, big-endian
 *  4  32   the peer's WireGuard public key
 * 36   n   payload: ciphertext; empty unless it is a packet
 * ```
 */
import { Buffer } from 'node:buffer'

export type CarrierWord = 'packet' | 'open' | 'closed'

export interface CarrierFrame {
  readonly word: CarrierWord
  /** WireGuard public key, base64. */
  readonly peer: string
  readonly payload: Buffer
}

export const PAYLOAD_BYTES_MAX = 65_000

const HEADER_BYTES = 36
const KEY_AT = 4
const WORDS: readonly (CarrierWord | undefined)[] = [undefined, 'packet', 'open', 'closed']

const NOTHING = Buffer.alloc(0)

export function carrierFrame(
  word: CarrierWord,
  peer: string,
  payload: Uint8Array = NOTHING,
): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + payload.length)
  frame[0] = WORDS.indexOf(word)
  frame.writeUInt16BE(payload.length, 2)
  frame.write(peer, KEY_AT, 'base64')
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** Cuts a stream of bytes into frames. */
export class CarrierFrames {
  #rest: Buffer = NOTHING

  /** The frames that are whole now; undefined if what came is none. A payload is valid until the next call. */
  take(chunk: Buffer): CarrierFrame[] | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const frames: CarrierFrame[] = []
    let at = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const word = WORDS[bytes[at]!]
      const length = bytes.readUInt16BE(at + 2)
      const isBad = word === undefined || bytes[at + 1] !== 0 || length > PAYLOAD_BYTES_MAX
      if (isBad || length > 0 !== (word === 'packet')) return undefined
      const end = at + HEADER_BYTES + length
      if (bytes.length < end) break
      const peer = bytes.toString('base64', at + KEY_AT, at + HEADER_BYTES)
      frames.push({ word, peer, payload: bytes.subarray(at + HEADER_BYTES, end) })
      at = end
    }
    this.#rest = bytes.subarray(at)
    return frames
  }
}
