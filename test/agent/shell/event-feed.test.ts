// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { type EventEntry, EVENTS_MAX } from '../../../agent/core/event-log.ts'
import { EventFeed } from '../../../agent/shell/event-feed.ts'

const entry = (sequence: number): EventEntry => ({
  sequence,
  time: '2026-01-01T12:00:00.000Z',
  kind: 'helper-lost',
  reason: 'killed',
})

describe('whoever follows the events', () => {
  it('gets the past, and then what happens, without a hole between them', async () => {
    const feed = new EventFeed()
    const following = feed.follow([entry(1)], new AbortController().signal)
    expect(await following.next()).toEqual({ done: false, value: entry(1) })
    feed.push(entry(2))
    feed.push(entry(3))
    expect(await following.next()).toEqual({ done: false, value: entry(2) })
    expect(await following.next()).toEqual({ done: false, value: entry(3) })
    const next = following.next()
    feed.push(entry(4))
    expect(await next).toEqual({ done: false, value: entry(4) })
  })

  it('is let go when it hangs up', async () => {
    const gone = new AbortController()
    const following = new EventFeed().follow([], gone.signal)
    const next = following.next()
    gone.abort()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('is let go when it does not read', async () => {
    const feed = new EventFeed()
    const following = feed.follow([entry(0)], new AbortController().signal)
    await following.next()
    for (let i = 1; i <= 4 * EVENTS_MAX + 10; i++) feed.push(entry(i))
    let read = 0
    for await (const _ of following) read++
    expect(read).toBeLessThanOrEqual(4 * EVENTS_MAX)
  })
})
