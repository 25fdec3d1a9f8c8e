// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { RateLimit } from '../../../../agent/shell/underlay/rate-limit.ts'

describe('a rate limit', () => {
  const taken = (limit: RateLimit, subject: string, count: number, nowMs: number) =>
    Array.from({ length: count }, () => limit.take(subject, nowMs)).filter(Boolean).length

  it('allows a burst, then so many a second', () => {
    const limit = new RateLimit(5)
    expect(taken(limit, 'a', 20, 0)).toBe(5)
    expect(taken(limit, 'a', 20, 200)).toBe(1)
    expect(taken(limit, 'a', 20, 1_200)).toBe(5)
  })

  it('holds for each subject by itself', () => {
    const limit = new RateLimit(1)
    expect(taken(limit, 'a', 3, 0)).toBe(1)
    expect(taken(limit, 'b', 3, 0)).toBe(1)
  })

  it('does not save up beyond its burst', () => {
    const limit = new RateLimit(2, 4)
    expect(taken(limit, 'a', 10, 0)).toBe(4)
    expect(taken(limit, 'a', 10, 3_600_000)).toBe(4)
  })

  it('remembers a bounded number of subjects, the latest', () => {
    const limit = new RateLimit(1)
    for (let i = 0; i < 10_000; i++) limit.take(`stranger-${i}`, 0)
    expect(limit.take('stranger-9999', 0)).toBe(false)
    expect(limit.take('stranger-0', 0)).toBe(true)
  })
})
