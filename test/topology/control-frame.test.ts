// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CONTENT_BYTES_MAX,
  type ControlKind,
  decodeAcknowledgement,
  decodeControlFrame,
  encodeAcknowledgement,
  encodeControlFrame,
} from '../../topology/control-frame.ts'

const KINDS: ControlKind[] = ['notice', 'signal', 'record']

describe('a control frame', () => {
  test('is read as it was written', () => {
    const number = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 2_000 })
    fc.assert(
      fc.property(number, fc.constantFrom(...KINDS), bytes, (one, kind, content) => {
        const frame = { number: one, content: { kind, bytes: content } }
        expect(decodeControlFrame(encodeControlFrame(frame))).toEqual({ ok: true, value: frame })
      }),
    )
  })

  test('of another kind, without content or with too much of it is refused, and nothing throws', () => {
    expect(decodeControlFrame(Uint8Array.of(0, 0, 0, 1, 3, 1)).ok).toBe(false)
    expect(decodeControlFrame(Uint8Array.of(0, 0, 0, 1, 0)).ok).toBe(false)
    for (const kind of KINDS) {
      const largest = new Uint8Array(CONTENT_BYTES_MAX[kind])
      const frame = encodeControlFrame({ number: 1, content: { kind, bytes: largest } })
      expect(decodeControlFrame(frame).ok).toBe(true)
      expect(decodeControlFrame(Uint8Array.of(...frame, 0)).ok).toBe(false)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        const read = decodeControlFrame(random)
        if (read.ok) expect(encodeControlFrame(read.value)).toEqual(random)
      }),
    )
  })

  test('is acknowledged by its number in four bytes, and by nothing else', () => {
    expect(decodeAcknowledgement(encodeAcknowledgement(4_000_000_000))).toBe(4_000_000_000)
    expect(decodeAcknowledgement(new Uint8Array(3))).toBeUndefined()
    expect(decodeAcknowledgement(new Uint8Array(5))).toBeUndefined()
  })
})
