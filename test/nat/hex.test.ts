// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../nat/hex.ts'

describe('hex text', () => {
  it('is lower case, two digits a byte', () => {
    expect(toHex(Uint8Array.of(0, 1, 0x0a, 0xff))).toBe('00010aff')
    expect(toHex(new Uint8Array())).toBe('')
  })

  it('of any bytes is read back as the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes)
      }),
    )
  })

  it.each(['0', '000', 'AA', 'g0', '0x', ' 00', '00 ', '0\n', '-1', '+1', 'äa'])(
    'is not %j',
    (text) => {
      expect(fromHex(text)).toBeUndefined()
    },
  )

  it('is whatever Buffer would make of it, if it is hex at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('0', '7', 'a', 'f', 'F', 'g', ' ') }),
        (text) => {
          const isHex = text.length % 2 === 0 && /^[0-9a-f]*$/.test(text)
          expect(fromHex(text)).toEqual(
            isHex ? new Uint8Array(Buffer.from(text, 'hex')) : undefined,
          )
        },
      ),
    )
  })
})
