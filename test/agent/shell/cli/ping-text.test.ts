// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { pingText } from '../../../../agent/shell/cli/ping.ts'

const direct = {
  kind: 'direct',
  via: null,
  hubServer: null,
  endpoint: '203.0.113.7:41820',
  rttMs: 12,
  lossPct: 0,
} as const
const relayed = { ...direct, kind: 'relay', via: 'hub' } as const

const answer = (sequence: number, path: typeof direct | typeof relayed) => ({
  sequence,
  ok: true as const,
  reply: { rttMs: 12, path },
})

it('says when an answer came over another path than the one before it, and over which', () => {
  const first = pingText(answer(1, direct), 'bob', undefined)
  expect(first).toMatch(/^1: bob answers in 12 ms, direct /)
  const before = first.slice('1: bob answers in 12 ms, '.length)
  expect(pingText(answer(2, direct), 'bob', before)).not.toContain('changed')
  expect(pingText(answer(3, relayed), 'bob', before)).toBe(
    `3: bob answers in 12 ms, relay over hub (path changed, was ${before})`,
  )
})
