// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { PeerStatus, Status } from '../../../../agent/core/status.ts'
import { lacks, turnsOf } from '../../../../agent/shell/cli/rollout.ts'

const peer = (name: string, changes: Partial<PeerStatus> = {}): PeerStatus =>
  ({ name, hub: false, liveness: 'alive', path: { kind: 'direct' }, why: '', ...changes }) as never

const status = (peers: readonly PeerStatus[], self: object = {}): Status =>
  ({
    self: {
      network: 'home',
      helper: { connected: true, problem: null },
      neighbours: ['x'],
      ...self,
    },
    peers,
  }) as never

const none = { path: { kind: 'none' } as never }

describe('the order of a rolling restart', () => {
  it('leaves the hubs to the end', () => {
    const all = status([peer('a', { hub: true }), peer('c'), peer('b')])
    expect(turnsOf(all, []).map(({ name }) => name)).toEqual(['b', 'c', 'a'])
    expect(turnsOf(all, ['a']).map(({ name }) => name)).toEqual(['a'])
  })

  it('does not begin where a member is unknown, or not reached already', () => {
    const all = status([peer('a'), peer('b', none)])
    expect(() => turnsOf(all, [])).toThrow('b is not reached even before')
    expect(() => turnsOf(all, ['z'])).toThrow('z is no other member')
    expect(turnsOf(all, ['a'])).toHaveLength(1)
  })
})

describe('a restarted member', () => {
  const before = status([peer('hub'), peer('gone', none)])

  it('is healthy once it has what it had, and is seen', () => {
    expect(lacks(before, before, peer('me'))).toBeUndefined()
  })

  it.each([
    [
      'its helper: not connected',
      status([], { helper: { connected: false, problem: null } }),
      peer('me'),
    ],
    ['a link to any member', status([], { neighbours: [] }), peer('me')],
    ['a path to hub', status([peer('hub', none)]), peer('me')],
    ['a path to this host', before, peer('me', none)],
    ['signs of life over gossip', before, peer('me', { liveness: 'suspect' })],
  ])('lacks %s', (missing, now, seen) => {
    expect(lacks(before, now, seen)).toBe(missing)
  })
})
