// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../nat/hex.ts'
import { type CborValue, decodeCanonical, encodeCanonical } from '../../topology/canonical-cbor.ts'

const { tree } = fc.letrec<{ tree: CborValue; leaf: CborValue }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }),
  ),
  tree: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

describe('canonical CBOR', () => {
  test('gives back what was written', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const encoded = encodeCanonical(value)
        expect(decodeCanonical(encoded, encoded.length)).toEqual({ ok: true, value })
      }),
    )
  })

  test('has one encoding for each value: whatever is read is written as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const decoded = decodeCanonical(bytes, 12)
        if (decoded.ok) expect(encodeCanonical(decoded.value)).toEqual(bytes)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['unsorted keys', 'a2616201616102'],
    ['longer keys before shorter ones', 'a262616101616202'],
    ['a key twice', 'a2616101616102'],
    ['a number in more bytes than it needs', '1801'],
    ['a length in more bytes than it needs', '580101'],
    ['an integer written as a float', 'f93c00'],
    ['not-a-number', 'f97e00'],
    ['infinity', 'f97c00'],
    ['negative zero', 'f98000'],
    ['undefined', 'f7'],
    ['an array of indefinite length', '9f01ff'],
    ['bytes of indefinite length', '5f4101ff'],
    ['a tag', 'c100'],
    ['a key that is no text', 'a10102'],
    ['a key that is a list', 'a1810102'],
    ['text that is no UTF-8', '61ff'],
    ['an integer beyond the safe ones', '1b0020000000000000'],
    ['bytes behind the end', '0000'],
    ['nothing', ''],
    ['an array that promises more than there is', '9affffffff01'],
    ['bytes that promise more than there are', '5affffffff01'],
  ])('refuses %s', (_, hex) => {
    expect(decodeCanonical(fromHex(hex)!, 100)).toEqual({ ok: false, error: 'malformed' })
  })

  test('keeps a key that objects have by themselves', () => {
    const encoded = fromHex('a1695f5f70726f746f5f5f01')!
    const decoded = decodeCanonical(encoded, 100)
    expect(decoded.ok && toHex(encodeCanonical(decoded.value))).toBe(toHex(encoded))
  })

  test('refuses what is nested to exhaust the stack', () => {
    for (const opening of [0x81, 0xa1]) {
      const deep = new Uint8Array(200_000).fill(opening)
      expect(decodeCanonical(deep, deep.length)).toEqual({ ok: false, error: 'malformed' })
    }
    const nested = new Uint8Array(5_000).fill(0x81)
    nested[nested.length - 1] = 0
    expect(decodeCanonical(nested, 5_000)).toEqual({ ok: false, error: 'malformed' })
  })

  test('refuses what is too large unread', () => {
    expect(decodeCanonical(new Uint8Array(11), 10)).toEqual({ ok: false, error: 'too-large' })
  })

  test('gives bytes of their own, not a window on memory that others use', () => {
    for (const length of [1, 180, 5_000]) {
      const encoded = encodeCanonical(['a', new Uint8Array(length)])
      expect(encoded.constructor).toBe(Uint8Array)
      expect(encoded.buffer.byteLength).toBe(encoded.length)
    }
  })
})
