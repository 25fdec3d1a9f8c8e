// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant } from '../../nat/clock.ts'
import {
  acknowledge,
  type ControlMessage,
  createControlQueue,
  dequeue,
  enqueue,
  PRIORITIES,
  type Priority,
  retryDeadline,
  TRIES_MAX,
} from '../../topology/control-queue.ts'

const NOW = instant(0)

function message(key: string, priority: Priority, mustArrive = false): ControlMessage<string> {
  return { key, priority, content: key, mustArrive }
}

describe('a queue of control messages', () => {
  test('says a critical one next, however many low ones have come before and go on coming', () => {
    const queue = createControlQueue<string>()
    for (let i = 0; i < 100_000; i++) enqueue(queue, message(`low ${i}`, 'low'))
    enqueue(queue, message('revocation', 'critical', true))
    for (let i = 0; i < 1_000; i++) enqueue(queue, message(`more ${i}`, 'low'))
    expect(dequeue(queue, NOW)?.key).toBe('revocation')
    expect(dequeue(queue, NOW)?.priority).toBe('low')
  })

  test('is bounded in each priority, and forgets the oldest of what may be lost', () => {
    const queue = createControlQueue<string>(3)
    for (let i = 0; i < 10; i++) expect(enqueue(queue, message(`n${i}`, 'normal'))).toBe(true)
    expect(queue.lost).toBe(7)
    expect([1, 2, 3, 4].map(() => dequeue(queue, NOW)?.key)).toEqual(['n7', 'n8', 'n9', undefined])
  })

  test('takes no more of what must arrive than it can hold, said or not, and says so', () => {
    const queue = createControlQueue<string>(2)
    expect(enqueue(queue, message('a', 'high', true))).toBe(true)
    dequeue(queue, NOW)
    expect(enqueue(queue, message('b', 'high', true))).toBe(true)
    expect(enqueue(queue, message('c', 'high', true))).toBe(false)
    acknowledge(queue, 'a')
    expect(enqueue(queue, message('c', 'high', true))).toBe(true)
  })

  test('says one thing of a key: the latest', () => {
    const queue = createControlQueue<string>()
    enqueue(queue, { ...message('record', 'low'), content: 'old' })
    enqueue(queue, { ...message('record', 'high'), content: 'new' })
    expect(dequeue(queue, NOW)?.content).toBe('new')
    expect(dequeue(queue, NOW)).toBeUndefined()
  })

  test('says what must arrive again, ever more slowly, until it is acknowledged or given up', () => {
    const queue = createControlQueue<string>()
    enqueue(queue, message('revocation', 'critical', true))
    const saidAt: number[] = []
    let now = NOW
    for (let i = 0; i < 20; i++) {
      if (dequeue(queue, now) !== undefined) saidAt.push(now)
      const again = retryDeadline(queue)
      if (again === undefined) break
      now = again
    }
    expect(saidAt).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 23_500])
    expect(saidAt).toHaveLength(TRIES_MAX)
    expect(queue.said.size).toBe(0)
    expect(queue.lost).toBe(1)

    enqueue(queue, message('policy', 'critical', true))
    dequeue(queue, now)
    acknowledge(queue, 'policy')
    expect(retryDeadline(queue)).toBeUndefined()
  })

  test('never says a lower priority while a higher one waits, and never holds more than its bounds', () => {
    const step = fc.record({
      priority: fc.constantFrom(...PRIORITIES),
      key: fc.integer({ min: 0, max: 30 }),
      mustArrive: fc.boolean(),
      take: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = createControlQueue<string>(5)
        for (const { priority, key, mustArrive, take } of steps) {
          enqueue(queue, message(`${key}`, priority, mustArrive))
          for (const one of PRIORITIES) expect(queue.waiting[one].size).toBeLessThanOrEqual(5)
          if (!take) continue
          const highest = PRIORITIES.find((one) => queue.waiting[one].size > 0)
          expect(dequeue(queue, NOW)?.priority).toBe(highest)
        }
      }),
    )
  })
})
