// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { clockOf } from '../../../agent/core/clock-offset.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import { wallTime } from '../../../nat/clock.ts'
import { oneNode } from './one-node.ts'

const MINUTE_MS = 60_000

/** One host that hears others; each writes `aheadMs` more than our clock says, and is `lateMs` on its way. */
function world() {
  const one = oneNode()
  const says = (member: ReturnType<typeof one.membership.admit>, aheadMs: number, lateMs = 0) => {
    const issuedAt = wallTime(one.now().wall + aheadMs - lateMs)
    one.hear(one.recordOf(member, { version: one.now().wall, issuedAt }))
    one.sleep(1_000)
  }
  const speaks = (name: string, ...aheadMs: readonly number[]) => {
    const member = one.membership.admit(name)
    // What is heard first may have lain in others' views for a while.
    says(member, 0, 50_000)
    for (const ahead of aheadMs) says(member, ahead)
    return (ahead: number, late: number) => says(member, ahead, late)
  }
  return { ...one, speaks, clock: () => clockOf(one.node) }
}

describe("a host's clock", () => {
  it('is not spoken of while it is about what the others say, or too little is known', () => {
    const { speaks, clock } = world()
    expect(clock()).toBeNull()
    speaks('one', 2 * MINUTE_MS)
    expect(clock()).toBeNull()
    speaks('two', 20_000, 20_000)
    speaks('three', -20_000, -20_000)
    expect(clock()).toBeNull()
  })

  it.each([
    [-2 * MINUTE_MS, "this host's clock is 120 s ahead of most members'"],
    [2 * MINUTE_MS, "this host's clock is 120 s behind most members'"],
  ])('that differs from most (%d ms) is told in status', (aheadMs, sentence) => {
    const { node, now, speaks } = world()
    speaks('one', aheadMs, aheadMs)
    speaks('two', aheadMs, aheadMs)
    speaks('three', 0, 0)
    expect(statusOf(node, now()).self.clock).toEqual({ offMs: -aheadMs, sentence })
  })

  it('of two that differ either is spoken of', () => {
    const { speaks, clock } = world()
    speaks('one', 2 * MINUTE_MS, 2 * MINUTE_MS)
    expect(clock()?.sentence).toBe("this host's clock is 120 s behind the other member's")
  })

  it('is not doubted where the others contradict each other', () => {
    const { speaks, clock } = world()
    speaks('ahead', 2 * MINUTE_MS, 2 * MINUTE_MS)
    speaks('behind', -2 * MINUTE_MS, -2 * MINUTE_MS)
    expect(clock()).toBeNull()
  })

  it('is right again as soon as it was set, and is not doubted for a record that came late', () => {
    const { speaks, clock } = world()
    const says = speaks('one', 2 * MINUTE_MS, 2 * MINUTE_MS)
    for (let i = 0; i < 3; i++) says(0, 0)
    expect(clock()).toBeNull()
    says(0, 10 * MINUTE_MS)
    says(0, 9 * MINUTE_MS)
    expect(clock()).toBeNull()
  })
})
