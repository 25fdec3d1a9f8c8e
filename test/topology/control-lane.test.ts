// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant, later } from '../../nat/clock.ts'
import { CONTENT_BYTES_MAX } from '../../topology/control-frame.ts'
import {
  breakOff,
  type ControlLane,
  createControlLane,
  isStalled,
  laneDeadline,
  sayNext,
  STALLED_MS,
  takeAcknowledgement,
  UNDERWAY_BYTES_MAX,
} from '../../topology/control-lane.ts'
import { enqueue, hasRoom, PRIORITIES, type Priority } from '../../topology/control-queue.ts'

const NOW = instant(0)

function put(lane: ControlLane, key: string, priority: Priority, size = 1_000, mustArrive = false) {
  const content = { kind: 'record', bytes: new Uint8Array(size) } as const
  return enqueue(lane.queue, { key, priority, content, mustArrive })
}

/** Says all that may be said now; the numbers. */
function say(lane: ControlLane, now = NOW): number[] {
  const numbers: number[] = []
  for (let next = sayNext(lane, now); next !== undefined; next = sayNext(lane, now))
    numbers.push(next.number)
  return numbers
}

describe('the lane to a neighbour', () => {
  test('has little underway, and says more as it is acknowledged', () => {
    const lane = createControlLane()
    for (let i = 0; i < 200; i++) put(lane, `${i}`, 'low')
    const numbers = say(lane)
    expect(numbers).toHaveLength(Math.ceil(UNDERWAY_BYTES_MAX / 1_000))
    expect(takeAcknowledgement(lane, numbers[0]!)).toBe(true)
    expect(say(lane)).toHaveLength(1)
    expect(takeAcknowledgement(lane, numbers[0]!)).toBe(false)
  })

  test('says what is critical although enough of the rest is underway', () => {
    const lane = createControlLane()
    for (let i = 0; i < 200; i++) put(lane, `${i}`, 'normal')
    say(lane)
    put(lane, 'signal', 'high')
    put(lane, 'revocation', 'critical', 300, true)
    expect(sayNext(lane, NOW)?.content.bytes.length).toBe(300)
    expect(sayNext(lane, NOW)).toBeUndefined()
  })

  test('says again what was underway when the stream broke, unless something newer waits', () => {
    const lane = createControlLane()
    put(lane, 'a', 'normal', 10)
    put(lane, 'b', 'low', 20)
    put(lane, 'notice', 'critical', 30, true)
    say(lane)
    put(lane, 'b', 'low', 21)
    breakOff(lane)
    expect(lane.underwayBytes).toBe(0)
    const sizes = [1, 2, 3].map(() => sayNext(lane, NOW)?.content.bytes.length)
    expect(sizes).toEqual([30, 10, 21])
    expect(sayNext(lane, NOW)).toBeUndefined()
  })

  test('an acknowledgement of what was said earlier does not stand for what is newer', () => {
    const lane = createControlLane()
    put(lane, 'policy', 'critical', 10, true)
    const [first] = say(lane)
    put(lane, 'policy', 'critical', 11, true)
    const [second] = say(lane)
    takeAcknowledgement(lane, first!)
    expect(lane.queue.said.has('policy')).toBe(true)
    takeAcknowledgement(lane, second!)
    expect(lane.queue.said.has('policy')).toBe(false)
  })

  test('is stalled when the oldest is not acknowledged for long, and says when to look', () => {
    const lane = createControlLane()
    put(lane, 'a', 'low')
    say(lane)
    expect(laneDeadline(lane)).toBe(STALLED_MS)
    expect(isStalled(lane, later(NOW, STALLED_MS - 1))).toBe(false)
    expect(isStalled(lane, later(NOW, STALLED_MS))).toBe(true)
  })
})

/**
 * A link of so many bytes a second: what is said arrives in order, each byte after those before it; the acknowledgement takes
 * no time. A flood keeps every lower priority full for as long as it lasts.
 */
function delayOfCritical(bytesPerSecond: number, flood: readonly Priority[], atMs: number): number {
  const lane = createControlLane()
  const onTheWay: { number: number; arrivesAt: number; bytes: number }[] = []
  let clearAt = 0
  let flooded = 0
  let revocation: number | undefined
  for (let now = 0; now < atMs + 60_000; now++) {
    while (onTheWay[0] !== undefined && onTheWay[0].arrivesAt <= now) {
      const { number, bytes } = onTheWay.shift()!
      takeAcknowledgement(lane, number)
      if (bytes === 300) return now - atMs
    }
    for (const priority of flood)
      while (hasRoom(lane.queue, priority)) put(lane, `${flooded++}`, priority, 8_000)
    if (now === atMs) put(lane, 'revocation', 'critical', 300, true)
    for (;;) {
      const next = sayNext(lane, instant(now))
      if (next === undefined) break
      const bytes = next.content.bytes.length
      // Said again while the first is still on its way: that one arrives first.
      if (bytes === 300 && revocation !== undefined) continue
      if (bytes === 300) revocation = next.number
      clearAt = Math.max(clearAt, now) + (bytes / bytesPerSecond) * 1_000
      onTheWay.push({ number: next.number, arrivesAt: clearAt, bytes })
    }
  }
  throw new Error('the revocation never arrived')
}

describe('a critical message in a flood', () => {
  const BELOW: Priority[] = PRIORITIES.filter((priority) => priority !== 'critical')

  test('comes behind what is underway and nothing else, on any link, at any time', () => {
    const link = fc.integer({ min: 8_000, max: 1_000_000 })
    const flood = fc.subarray(BELOW, { minLength: 1 })
    fc.assert(
      fc.property(link, flood, fc.integer({ min: 0, max: 20_000 }), (rate, lower, atMs) => {
        const ahead = UNDERWAY_BYTES_MAX + 8_000 + 300
        expect(delayOfCritical(rate, lower, atMs)).toBeLessThanOrEqual((ahead / rate) * 1_000 + 2)
      }),
      { numRuns: 40 },
    )
  })

  test('is as far from a megabyte of lower ones as the bound says: a quarter of a second at a megabit', () => {
    expect(delayOfCritical(125_000, ['low'], 5_000)).toBeLessThan(350)
  })

  test('no content is much larger than half of what may be underway', () => {
    for (const size of Object.values(CONTENT_BYTES_MAX))
      expect(size).toBeLessThanOrEqual(UNDERWAY_BYTES_MAX / 2 + 512)
  })
})
