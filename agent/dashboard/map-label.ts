// SPDX-License-Identifier: Apache-2.0
/** Where names stand on the map: beside the lines, not under them. */

export interface Label {
  readonly x: number
  /** Of the first line's foot. */
  readonly y: number
  readonly side: 'start' | 'middle' | 'end'
}

interface Mark {
  readonly x: number
  readonly y: number
  /** From the middle of the map, clockwise from the right. */
  readonly angle: number
}

/** From a mark to the foot of a name below it, of one above it with a second line, and to one beside it. */
const [BELOW, ABOVE, BESIDE] = [27, -29, 17]

/** Lines come from the middle, so an outer name stands on the far side; those of a hub go on outwards, so its name stands beside it. */
export function labelBeside({ x, y, angle }: Mark, isHub: boolean): Label {
  const [right, down] = [Math.cos(angle), Math.sin(angle)]
  if (isHub && Math.abs(down) > 0.6)
    return right < 0
      ? { x: x - BESIDE, y: y - 2, side: 'end' }
      : { x: x + BESIDE, y: y - 2, side: 'start' }
  return { x, y: y + (down < -0.2 ? ABOVE : BELOW), side: 'middle' }
}

/** Of the middle itself: in the widest gap between the lines that leave it. */
export function labelBetween(centre: number, directions: readonly number[]): Label {
  const angle = middleOfWidestGap(directions)
  const [right, down] = [Math.cos(angle), Math.sin(angle)]
  const side = Math.abs(right) < 0.5 ? 'middle' : right < 0 ? 'end' : 'start'
  return { x: centre + 22 * right, y: centre + 5 + 25 * down, side }
}

function middleOfWidestGap(directions: readonly number[]): number {
  const sorted = directions.toSorted((a, b) => a - b)
  const first = sorted[0]
  if (first === undefined) return Math.PI / 2
  const next = [...sorted.slice(1), first + 2 * Math.PI]
  const gaps = sorted.map((from, index) => ({ from, wide: next[index]! - from }))
  const widest = gaps.reduce((best, gap) => (gap.wide > best.wide ? gap : best))
  return widest.from + widest.wide / 2
}
