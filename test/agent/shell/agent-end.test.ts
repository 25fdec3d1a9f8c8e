// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AgentEnd, type AgentEndParts } from '../../../agent/shell/agent-end.ts'
import type { Event } from '../../../agent/core/event.ts'
import { WALL_START_MS } from '../../sim/membership.ts'
import { gatewayThatGoes } from '../core/gateway-that-goes.ts'

beforeEach(() => void vi.useFakeTimers({ now: WALL_START_MS }))
afterEach(() => void vi.useRealTimers())

/** A gateway that would hand on a prefix, about to end. */
function ending(changes: Partial<AgentEndParts> = {}) {
  const { node, reach, member, later, take } = gatewayThatGoes()
  reach(member, later)
  const events: Event['kind'][] = []
  const parts = {
    node,
    loop: {
      dispatch: (event: Event) => {
        events.push(event.kind)
        take(event)
      },
      close: () => events.push('tick'),
    },
    helper: { state: async () => ({ ok: true, value: { relayed: { frames: 0 } } }) },
    ports: { settle: async () => undefined },
    state: { loadMembership: () => undefined },
    close: async () => undefined,
    endsHelper: false,
    ...changes,
  }
  const end = new AgentEnd(parts as unknown as AgentEndParts)
  /** As the operating system would send it, but to this agent only. */
  const signal = (name: NodeJS.Signals) => process.listeners(name).at(-1)?.(name)
  const ended = async () => {
    const code = end.done
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await code).toBe(0)
    return events
  }
  end.obeySignals()
  return { end, signal, ended }
}

const CLOSED = 'tick'
const HANDED_OVER = ['drain', 'release-ports', CLOSED]

it('a gateway whose helper stays goes without a word', async () => {
  const { end, ended } = ending()
  await end.stop(0)
  expect(await ended()).toEqual([CLOSED])
  const signalled = ending()
  signalled.signal('SIGTERM')
  expect(await signalled.ended()).toEqual([CLOSED])
})

it('one that ends its helper as well is left before', async () => {
  const { signal, ended } = ending({ endsHelper: true })
  signal('SIGTERM')
  expect(await ended()).toEqual(HANDED_OVER)
})

it('so is one that hears that its helper is about to be stopped', async () => {
  const { signal, ended } = ending()
  signal('SIGUSR2')
  signal('SIGTERM')
  expect(await ended()).toEqual(HANDED_OVER)
})

it('so is one that is asked to hand over, and what stops it then need not do so again', async () => {
  const { end, ended, signal } = ending({ endsHelper: true })
  const handedOver = end.handOver()
  await vi.advanceTimersByTimeAsync(3_000)
  await handedOver
  signal('SIGTERM')
  expect(await ended()).toEqual(HANDED_OVER)
})
