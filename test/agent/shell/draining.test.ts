// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { drainBriefly } from '../../../agent/shell/draining.ts'
import type { HelperClient } from '../../../agent/shell/helper/helper-client.ts'
import type { Loop } from '../../../agent/shell/loop.ts'
import { WALL_START_MS } from '../../sim/membership.ts'
import { gatewayThatGoes } from '../core/gateway-that-goes.ts'

/** A helper that only says how much it has passed on. */
function relaying(frames: () => number): HelperClient {
  const state = async () => ({ ok: true, value: { relayed: { frames: frames() } } })
  return { state } as unknown as HelperClient
}

function leaving(frames = () => 0) {
  const world = gatewayThatGoes()
  const drains: boolean[] = []
  const dispatch = vi.fn<Loop['dispatch']>((event) => {
    if (event.kind === 'drain') drains.push(event.draining)
    world.take(event)
  })
  const loop = { dispatch } as unknown as Loop
  /** How long it takes, in steps of a hundred milliseconds. */
  const takesMs = async () => {
    let isDone = false
    void drainBriefly({ node: world.node, loop, helper: relaying(frames) }).then(
      () => (isDone = true),
    )
    for (let passedMs = 0; ; passedMs += 100) {
      await vi.advanceTimersByTimeAsync(0)
      if (isDone) return passedMs
      await vi.advanceTimersByTimeAsync(100)
    }
  }
  return { ...world, drains, takesMs }
}

describe('what stops in order', () => {
  beforeEach(() => void vi.useFakeTimers({ now: WALL_START_MS }))
  afterEach(() => void vi.useRealTimers())

  it('goes at once if it neither forwards nor hands on a prefix', async () => {
    const { reach, member, earlier, drains, takesMs } = leaving()
    reach(member, earlier)
    expect(await takesMs()).toBe(0)
    expect(drains).toEqual([])
  })

  it('is told of, and left, as a gateway of a prefix that another one can have', async () => {
    const { reach, member, later, drains, takesMs } = leaving()
    reach(member, later)
    const tookMs = await takesMs()
    expect(tookMs).toBeGreaterThanOrEqual(2_000)
    expect(tookMs).toBeLessThan(3_000)
    expect(drains).toEqual([true])
  })

  it('waits for the users of a hub no longer than three seconds, gateway or not', async () => {
    let frames = 0
    const { reach, member, later, takesMs, drains } = leaving(() => ++frames)
    reach(member, later)
    expect(await takesMs()).toBe(3_000)
    expect(drains).toEqual([true])
  })
})
