// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { isDuplicated, type RedundancyRules } from '../../../agent/core/redundancy.ts'
import { link, ofKind, oneNode } from './one-node.ts'

describe('whether packets to a peer are sent twice', () => {
  it.for<[RedundancyRules, string, string[], boolean]>([
    [{}, 'web-1', [], false],
    [{ '*': 'duplicate' }, 'web-1', [], true],
    [{ '*': 'duplicate', 'web-1': 'off' }, 'web-1', [], false],
    [{ 'tag:voice': 'duplicate' }, 'web-1', ['web', 'voice'], true],
    [{ 'tag:voice': 'duplicate' }, 'voice', ['web'], false],
    [{ 'tag:voice': 'duplicate', 'tag:web': 'off' }, 'web-1', ['web', 'voice'], true],
    [{ '*': 'duplicate', 'tag:web': 'off' }, 'web-1', ['web'], false],
    [{ 'web-1': 'duplicate', 'tag:web': 'off' }, 'web-1', ['web'], true],
  ])('by %o, for %s with tags %o: %o', ([rules, name, tags, expected]) => {
    expect(isDuplicated(rules, { name, tags })).toBe(expected)
  })

  it('reaches the helper only where it is wanted', () => {
    const one = oneNode({ redundancy: { loud: 'duplicate' } })
    for (const name of ['loud', 'quiet']) one.hear(one.recordOf(one.membership.admit(name)))
    const [apply] = ofKind(one.connect([link('eth0', '192.168.1.2/24')]), 'apply')
    const wanted = apply!.desired.peers.map(({ duplicate }) => duplicate)
    expect(wanted.filter((one) => one === true)).toHaveLength(1)
  })
})
