// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { isQuorum } from '../../../agent/core/authority-quorum.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import type { QuorumStatus } from '../../../agent/core/status.ts'
import { oneNode } from './one-node.ts'

const membersOf = (healthy: readonly boolean[]) =>
  healthy.map((one, i) => ({ endpoint: `http://192.0.2.${i}:2379`, healthy: one }))

function quorum(...healthy: boolean[]): QuorumStatus {
  const members = membersOf(healthy)
  return { members, quorum: isQuorum(members), leader: 'alice', ledgerLost: false }
}

it.each([
  [[], false],
  [[true], true],
  [[true, false], false],
  [[true, true, false], true],
  [[true, true, false, false], false],
])('of members that answer (%j) more than half are a quorum: %s', (healthy, is) => {
  expect(isQuorum(membersOf(healthy))).toBe(is)
})

describe('an authority on a shared store', () => {
  it('shows its quorum in its status, and tells once when it is lost and when it is back', () => {
    const { node, now, take } = oneNode()
    expect(statusOf(node, now()).self.authorityQuorum).toBeNull()
    for (const healthy of [
      [true, true, true],
      [true, true, false],
      [true, false, false],
      [false, false, false],
      [true, true, false],
    ])
      take({ kind: 'authority-quorum', quorum: quorum(...healthy) })
    expect(statusOf(node, now()).self.authorityQuorum).toEqual(quorum(true, true, false))
    const told = node.events.entries.filter(({ kind }) => kind.startsWith('authority-quorum'))
    expect(told).toMatchObject([
      { kind: 'authority-quorum-lost', answering: 1, of: 3 },
      { kind: 'authority-quorum-back', answering: 2, of: 3 },
    ])
  })
})
