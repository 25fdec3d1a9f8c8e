// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter } from '../../../../agent/shell/helper/rpc-lines.ts'

describe('the line splitter', () => {
  it('yields the same lines however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => text.replaceAll('\n', ' '))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(40)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
        const splitter = new LineSplitter(10_000)
        const found: string[] = []
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          found.push(...(splitter.push(bytes.subarray(at, at + cut)) ?? []))
          at += cut
        }
        expect(found).toEqual(lines.map((text) => Buffer.from(text).toString()))
      }),
    )
  })

  it('gives up on a line that is longer than its bound', () => {
    const splitter = new LineSplitter(10)
    expect(splitter.push(Buffer.from('short\n'))).toEqual(['short'])
    expect(splitter.push(Buffer.from('12345678'))).toEqual([])
    expect(splitter.push(Buffer.from('90a'))).toBeUndefined()
  })
})
