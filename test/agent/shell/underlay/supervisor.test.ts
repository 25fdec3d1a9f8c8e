// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  BACKOFF_MS_MAX,
  SHORT_LINK_PAUSE_MS_MAX,
  Supervisor,
} from '../../../../agent/shell/underlay/supervisor.ts'
import type { NodeId } from '../../../../topology/identity.ts'

const A = 'a'.repeat(64) as NodeId
const B = 'b'.repeat(64) as NodeId

describe('the supervisor', () => {
  let up: Set<NodeId>
  let dials: { node: NodeId; addresses: readonly string[]; atMs: number }[]
  let succeeds: boolean
  let supervisor: Supervisor

  beforeEach(() => {
    vi.useFakeTimers()
    up = new Set()
    dials = []
    succeeds = false
    supervisor = new Supervisor({
      isUp: (node) => up.has(node),
      dial: async ({ node, dialAddresses }) => {
        dials.push({ node, addresses: dialAddresses, atMs: performance.now() })
        if (!succeeds) return
        up.add(node)
        supervisor.notice(node)
      },
    })
  })

  afterEach(() => {
    supervisor.close()
    vi.useRealTimers()
  })

  const target = (node: NodeId, ...dialAddresses: string[]) => ({ node, dialAddresses })

  it('dials a target at once, and not one that is up already', async () => {
    up.add(B)
    supervisor.setTargets([target(A, '/x'), target(B, '/y')])
    await vi.advanceTimersByTimeAsync(0)
    expect(dials.map(({ node }) => node)).toEqual([A])
  })

  it('tries for ever, with pauses that grow to their cap', async () => {
    supervisor.setTargets([target(A, '/x')])
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    const pauses = dials.slice(1).map(({ atMs }, i) => atMs - dials[i]!.atMs)
    expect(pauses[0]).toBeLessThanOrEqual(375)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(BACKOFF_MS_MAX * 1.5)
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(BACKOFF_MS_MAX * 0.5)
    const before = dials.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(dials.length).toBeGreaterThan(before)
  })

  it('dials again soon after a link that had lasted', async () => {
    succeeds = true
    supervisor.setTargets([target(A, '/x')])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(dials).toHaveLength(1)
    up.delete(A)
    supervisor.notice(A)
    await vi.advanceTimersByTimeAsync(500)
    expect(dials).toHaveLength(2)
  })

  it('never waits long where links come up, however often another host with its keys takes them over', async () => {
    succeeds = true
    const pauses: number[] = []
    supervisor.setTargets([target(A, '/x')])
    await vi.advanceTimersByTimeAsync(1)
    while (pauses.length < 20) {
      await vi.advanceTimersByTimeAsync(1_000)
      up.delete(A)
      supervisor.notice(A)
      const lostMs = performance.now()
      const before = dials.length
      while (dials.length === before) await vi.advanceTimersByTimeAsync(10)
      pauses.push(dials.at(-1)!.atMs - lostMs)
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(SHORT_LINK_PAUSE_MS_MAX)
    // And no storm of dials either.
    expect(Math.min(...pauses.slice(5))).toBeGreaterThan(1_000)
  })

  it('tries a new address at once, however long the pause would be', async () => {
    supervisor.setTargets([target(A, '/old')])
    await vi.advanceTimersByTimeAsync(5 * 60_000)
    const before = dials.length
    supervisor.setTargets([target(A, '/new')])
    await vi.advanceTimersByTimeAsync(1)
    expect(dials).toHaveLength(before + 1)
    expect(dials.at(-1)!.addresses).toEqual(['/new'])
  })

  it('leaves a target alone that is wanted no more', async () => {
    supervisor.setTargets([target(A, '/x')])
    await vi.advanceTimersByTimeAsync(1_000)
    supervisor.setTargets([])
    const before = dials.length
    await vi.advanceTimersByTimeAsync(5 * 60_000)
    expect(dials).toHaveLength(before)
  })
})
