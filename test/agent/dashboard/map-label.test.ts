// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { labelBeside, labelBetween } from '../../../agent/dashboard/map-label.ts'

const [right, down, left, up] = [0, Math.PI / 2, Math.PI, -Math.PI / 2]
const at = (angle: number) => ({ x: 100, y: 100, angle })

describe('names on the map', () => {
  it('of outer members stand on the far side of their lines', () => {
    expect(labelBeside(at(up), false)).toMatchObject({ x: 100, y: 71, side: 'middle' })
    for (const angle of [right, down, left])
      expect(labelBeside(at(angle), false)).toMatchObject({ x: 100, y: 127, side: 'middle' })
  })

  it('of hubs stand beside lines that go on up or down', () => {
    expect(labelBeside(at(up + 0.1), true)).toMatchObject({ x: 117, side: 'start' })
    expect(labelBeside(at(down + 0.1), true)).toMatchObject({ x: 83, side: 'end' })
    expect(labelBeside(at(right), true)).toMatchObject({ x: 100, y: 127, side: 'middle' })
  })

  it('of the middle stands in the widest gap between its lines', () => {
    expect(labelBetween(100, [])).toMatchObject({ side: 'middle', y: 130 })
    expect(labelBetween(100, [right, down, left])).toMatchObject({ side: 'middle', y: 80 })
    expect(labelBetween(100, [up, right, down])).toMatchObject({ side: 'end' })
    // The gap may lie where angles begin anew.
    expect(labelBetween(100, [down, left - 0.1, up + 0.1]).side).toBe('start')
  })
})
