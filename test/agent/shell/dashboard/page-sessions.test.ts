// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, test } from 'vitest'
import {
  LINK_LIFETIME_MS,
  PageSessions,
  SESSION_IDLE_MS,
} from '../../../../agent/shell/dashboard/page-sessions.ts'
import { instant } from '../../../../nat/clock.ts'

describe('sessions of the page', () => {
  let nowMs: number
  let made: number
  let sessions: PageSessions

  beforeEach(() => {
    nowMs = 1_000
    made = 0
    sessions = new PageSessions({
      randomBytes: (length) => new Uint8Array(length).fill(++made),
      now: () => instant(nowMs),
    })
  })

  test('a link opens one session, once', () => {
    const link = sessions.issueLink()
    const session = sessions.open(link)
    expect(session).toMatch(/^[0-9a-f]{64}$/)
    expect(sessions.open(link)).toBeUndefined()
    expect(sessions.admits(session!)).toBe(true)
    expect(sessions.admits(link)).toBe(false)
  })

  test('a link that waited too long opens nothing', () => {
    const link = sessions.issueLink()
    nowMs += LINK_LIFETIME_MS
    expect(sessions.open(link)).toBeUndefined()
  })

  test('a session ends when it was not used for a while, or after half a day', () => {
    const idle = sessions.open(sessions.issueLink())!
    nowMs += SESSION_IDLE_MS
    expect(sessions.admits(idle)).toBe(false)
    const busy = sessions.open(sessions.issueLink())!
    let usedMs = 0
    for (; usedMs < 24 * 3_600_000 && sessions.admits(busy); usedMs += SESSION_IDLE_MS / 2)
      nowMs += SESSION_IDLE_MS / 2
    expect(usedMs).toBe(12 * 3_600_000)
  })

  test('closing a session ends it', () => {
    const session = sessions.open(sessions.issueLink())!
    sessions.close(session)
    expect(sessions.admits(session)).toBe(false)
  })

  test('links and sessions are bounded: the oldest give way', () => {
    const first = sessions.issueLink()
    for (let i = 0; i < 8; i++) sessions.issueLink()
    expect(sessions.open(first)).toBeUndefined()
    const oldest = sessions.open(sessions.issueLink())!
    for (let i = 0; i < 16; i++) sessions.open(sessions.issueLink())
    expect(sessions.admits(oldest)).toBe(false)
  })
})
