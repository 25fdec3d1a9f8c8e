// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { type Signal, signSignal } from '../../../../topology/signal.ts'
import { signalOf } from '../../../topology/sample-network.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 10_000, interval: 5 }

describe('signals between members', () => {
  const { member } = members()

  /** Each linked with the next one, all known to all. */
  async function chain(...letters: number[]): Promise<Member[]> {
    const members = await Promise.all(letters.map((letter) => member(letter)))
    for (const [i, one] of members.slice(1).entries()) {
      one.underlay.setTargets([targetOf(members[i]!)])
    }
    for (const one of members)
      await expect.poll(() => one.view.entries.size, DEADLINE).toBe(members.length)
    return members
  }

  const signalBy = (from: Member, to: Member, changes: Partial<Signal> = {}) =>
    signSignal(signalOf({ from: from.node, to: to.node, ...changes }), from.signer)

  const heard = (one: Member) =>
    one.events.flatMap((event) => (event.kind === 'signal' ? [event.signal] : []))

  it('go straight to a neighbour, and over one or two members to others', async () => {
    const [a, b, c, d] = (await chain(11, 12, 13, 14)) as [Member, Member, Member, Member]
    for (const [i, to] of [b, c, d].entries()) {
      const sequence = i
      a.underlay.signal(to.node, signalBy(a, to, { sequence }))
      await expect.poll(() => heard(to), DEADLINE).toHaveLength(1)
      expect(heard(to)[0]).toMatchObject({ from: a.node, to: to.node, sequence })
    }
  })

  it('arrive once, however often and over however many members they are sent', async () => {
    const [a, b, c] = (await chain(11, 12, 13)) as [Member, Member, Member]
    const same = signalBy(a, c)
    for (let i = 0; i < 5; i++) a.underlay.signal(c.node, same)
    b.underlay.signal(c.node, same)
    const other = signalBy(a, c, { sequence: 1 })
    a.underlay.signal(c.node, other)
    await expect.poll(() => heard(c).some(({ sequence }) => sequence === 1), DEADLINE).toBe(true)
    expect(heard(c).filter(({ sequence }) => sequence === 0)).toHaveLength(1)
  })

  it('of strangers, with a false signature, or to strangers go no further', async () => {
    const [a, b, c] = (await chain(11, 12, 13)) as [Member, Member, Member]
    const stranger = await member(66)
    const forged = signSignal(signalOf({ from: b.node, to: c.node }), a.signer)
    a.underlay.signal(c.node, forged)
    a.underlay.signal(c.node, signalBy(stranger, c))
    a.underlay.signal(stranger.node, signalBy(a, stranger))
    a.underlay.signal(c.node, Uint8Array.of(1, 2, 3))
    a.underlay.signal(c.node, signalBy(a, c))
    await expect.poll(() => heard(c), DEADLINE).toHaveLength(1)
    expect(heard(c)[0]?.from).toBe(a.node)
    expect(heard(stranger)).toEqual([])
  })

  it('that flood a member are bounded, and those of others still pass', async () => {
    const [a, b, c] = (await chain(11, 12, 13)) as [Member, Member, Member]
    for (let i = 0; i < 300; i++) {
      const session = i.toString(16).padStart(32, '0')
      a.underlay.signal(c.node, signalBy(a, c, { session }))
    }
    b.underlay.signal(c.node, signalBy(b, c))
    await expect.poll(() => heard(c).some(({ from }) => from === b.node), DEADLINE).toBe(true)
    expect(heard(c).filter(({ from }) => from === a.node).length).toBeLessThan(40)
    a.say(Number(a.versionOf(a.node)) + 1)
    await expect.poll(() => c.versionOf(a.node), DEADLINE).toBe(a.versionOf(a.node))
  })
})
