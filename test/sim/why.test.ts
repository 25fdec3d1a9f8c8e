// SPDX-License-Identifier: Apache-2.0
/** What a node says of a pair, after the pair was simulated: the rule that it names is the NATs' own. */
import { describe, expect, it } from 'vitest'
import { statusOf } from '../../agent/core/status-report.ts'
import { fromBoth, tellWhy } from '../../agent/core/why-from-both.ts'
import { whyReport } from '../../agent/core/why-report.ts'
import { whyText } from '../../agent/shell/cli/why.ts'
import { decodeTold, encodeTold, type Told } from '../../topology/ask-frame.ts'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Cluster } from './cluster.ts'
import { gridPairs, hostBehind, PLAIN } from './expected-paths.ts'

const HARD: readonly NatKindName[] = ['address-dependent', 'symmetric-sequential', 'symmetric']

function pair(a: NatKindName, b: NatKindName) {
  const cluster = new Cluster(1)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  const alice = hostBehind(cluster, a, 'alice', PLAIN)
  const bob = hostBehind(cluster, b, 'bob', PLAIN)
  for (const host of [alice, bob]) host.start(hub)
  cluster.clock.run(40_000)
  const node = alice.agent!
  const told = tellWhy(bob.agent!, alice.id, bob.now)
  const own = whyReport(node, node.peers.get(bob.id)!, alice.now)
  const why = fromBoth(own, overTheWire(told))
  return { own, why, status: statusOf(node, alice.now) }
}

function overTheWire(told: Told): Told {
  const read = decodeTold(encodeTold(told))
  if (!read.ok) throw new Error(read.error)
  return read.value
}

describe('why a pair is relayed', () => {
  const apart = gridPairs.filter(([, , isDirect]) => !isDirect)
  it.each(apart)('%s and %s', (a, b) => {
    const { why, status } = pair(a, b)
    const hard = [a, b].filter((kind) => HARD.includes(kind)).length
    expect(why.obstacle?.kind).toBe(hard === 2 ? 'both-symmetric' : 'one-symmetric')
    expect(why.sentence).toContain(HARD.includes(a) ? "alice's" : "bob's")
    expect(why.attempts.length).toBeGreaterThan(0)
    for (const { outcome } of [...why.attempts, ...why.otherAttempts!])
      expect(outcome).toBe('no answer')
    expect(why.otherAttempts!.length).toBeGreaterThan(0)
    expect(why.other.evidence).toMatch(/198\.51\.100\.1:41820 saw [\d.]+:\d+/)
    expect(why.otherPath).toMatchObject({ kind: 'relay' })
    expect(why.otherSentence).toContain(HARD.includes(a) ? "alice's" : "bob's")
    expect(why.nextRoundMs).toBeGreaterThan(0)
    expect(status.peers.find(({ name }) => name === 'bob')?.why).toBe(why.sentence)
  })

  it('is told to a person with all that was tried and what would help', () => {
    const text = whyText(pair('symmetric', 'port-restricted').why)
    expect(text).toMatch(/^bob: relayed over hub: alice's NAT gives each destination a new port/)
    for (const part of ['path:     relay over hub', 'backup:   relay over second-hub', 'no answer'])
      expect(text).toContain(part)
    expect(text).toContain("forward UDP 41820 on alice's router")
    expect(text).toMatch(/^tried by bob:$/m)
    expect(text).toMatch(/^bob says of alice: relayed over hub: .*; path: relay over hub/m)
  })

  it.each([
    ['not-spoken', 'it runs an earlier version'],
    ['unreached', 'no path or link leads to its agent'],
  ] as const)('is told from one end if the other one cannot be asked: %s', (fault, text) => {
    const { own } = pair('symmetric', 'symmetric')
    const why = fromBoth(own, { kind: 'fault', fault })
    expect(why).toMatchObject({ otherAttempts: null, unanswered: { fault } })
    expect(why.other.evidence).toBe(null)
    expect(whyText(why)).toContain(`only one end's view: bob could not be asked: ${text}`)
    expect(whyText(why)).toContain('tried by alice:')
  })

  it('is not asked of a direct pair, whose way is named instead', () => {
    const { why } = pair('port-restricted', 'full-cone')
    expect(why).toMatchObject({ obstacle: null, remedies: [], path: { kind: 'direct' } })
    expect(why.attempts.map(({ outcome }) => outcome)).toContain('in use')
  })
})
