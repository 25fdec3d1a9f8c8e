// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CarrierFrames,
  carrierFrame,
  type CarrierWord,
  PAYLOAD_BYTES_MAX,
} from '../../../../agent/shell/channel/carrier-frame.ts'

const PEER = Buffer.alloc(32, 7).toString('base64')
const PACKET = Buffer.from('ciphertext')

/** What a reader makes of the bytes, when they come in pieces of that size. */
function read(bytes: Buffer, pieceBytes: number): string[] | undefined {
  const frames = new CarrierFrames()
  const words: string[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const taken = frames.take(bytes.subarray(at, at + pieceBytes))
    if (taken === undefined) return undefined
    for (const { word, peer, payload } of taken) {
      expect(peer).toBe(PEER)
      words.push(`${word} ${payload.toString('latin1')}`)
    }
  }
  return words
}

describe('frames between carrier and helper', () => {
  test('are read as they were written, however the stream cuts them', () => {
    const frame = fc.constantFrom<CarrierWord>('packet', 'open', 'closed')
    const property = fc.property(
      fc.array(frame),
      fc.integer({ min: 1, max: 200 }),
      (words, size) => {
        const written = words.map((word) =>
          word === 'packet' ? carrierFrame(word, PEER, PACKET) : carrierFrame(word, PEER),
        )
        const said = words.map((word) => `${word} ${word === 'packet' ? 'ciphertext' : ''}`)
        expect(read(Buffer.concat(written), size)).toEqual(said)
      },
    )
    fc.assert(property)
  })

  test('carry the largest packet that may be', () => {
    const largest = Buffer.alloc(PAYLOAD_BYTES_MAX, 1)
    expect(read(carrierFrame('packet', PEER, largest), 4_096)).toHaveLength(1)
  })

  test.each([
    ['a kind that is none', (frame: Buffer) => frame.writeUInt8(9, 0)],
    ['a byte that is not zero', (frame: Buffer) => frame.writeUInt8(1, 1)],
    ['a packet without contents', (frame: Buffer) => frame.writeUInt16BE(0, 2)],
    ['a packet beyond the bound', (frame: Buffer) => frame.writeUInt16BE(PAYLOAD_BYTES_MAX + 1, 2)],
    ['a word with contents', (frame: Buffer) => frame.writeUInt8(2, 0)],
  ])('with %s are none', (_, spoil) => {
    const frame = carrierFrame('packet', PEER, PACKET)
    spoil(frame)
    expect(read(frame, frame.length)).toBeUndefined()
  })

  test('never throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        new CarrierFrames().take(Buffer.from(bytes))
      }),
    )
  })
})
