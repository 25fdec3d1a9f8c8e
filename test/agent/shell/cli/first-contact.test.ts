// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Status } from '../../../../agent/core/status.ts'
import { stageOf } from '../../../../agent/shell/cli/first-contact.ts'

const status = (given: {
  connected?: boolean
  problem?: string
  neighbours?: string[]
  peers?: object[]
}) =>
  ({
    self: {
      helper: { connected: given.connected ?? true, problem: given.problem ?? null },
      neighbours: given.neighbours ?? [],
    },
    peers: given.peers ?? [],
  }) as unknown as Status

describe('how far a starting agent is', () => {
  it.each([
    ['no agent', undefined, 'does not answer', 'journalctl -u meshgate'],
    ['no helper', status({ connected: false, problem: 'refused' }), 'no helper', 'meshgate-helper'],
    ['a helper that refuses', status({ problem: 'port taken' }), 'port taken', 'doctor'],
    ['no link', status({}), 'no link to any member', 'firewall'],
    ['no news', status({ neighbours: ['hub'] }), 'linked to hub; waiting', 'why PEER'],
    [
      'no path',
      status({
        neighbours: ['hub'],
        peers: [{ name: 'b', path: { kind: 'none' }, why: 'UDP is blocked' }],
      }),
      'UDP is blocked',
      'why PEER',
    ],
  ])('%s: says what is missing, and what to do', (_, given, text, remedy) => {
    const stage = stageOf(given, 'peer')
    expect(stage.reached).toBe(false)
    expect(stage.text).toContain(text)
    expect(stage.remedy).toContain(remedy)
  })

  it('a founder waits for its own two processes only', () => {
    expect(stageOf(status({}), 'agent').reached).toBe(true)
    expect(stageOf(status({ connected: false }), 'agent').reached).toBe(false)
  })

  it('a joiner is done with the first peer that has a path', () => {
    const path = { kind: 'direct', via: null, endpoint: '192.0.2.1:9' }
    const stage = stageOf(status({ peers: [{ name: 'hub', path }] }), 'peer')
    expect(stage).toMatchObject({ reached: true, text: 'hub is reached: direct 192.0.2.1:9' })
  })
})
