// SPDX-License-Identifier: Apache-2.0
import type { Libp2p } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { AskProtocol } from '../../../../agent/shell/underlay/ask-protocol.ts'
import { startUnderlayNode } from '../../../../agent/shell/underlay/underlay-node.ts'
import type { Told } from '../../../../topology/ask-frame.ts'
import type { NodeId } from '../../../../topology/identity.ts'
import { network } from '../../../topology/sample-network.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 10_000, interval: 5 }

const QUESTION = { kind: 'why' } as const
const REFUSED: Told = { kind: 'fault', fault: 'refused' }

describe('a question between members', () => {
  const { member } = members()
  const bare: Libp2p[] = []

  afterEach(async () => {
    for (const node of bare.splice(0)) await node.stop()
  })

  async function bareNode(letter: number): Promise<Libp2p> {
    const started = await startUnderlayNode({
      seed: new Uint8Array(32).fill(letter),
      presharedKey: network.presharedKey,
      listen: [{ ip: '127.0.0.1', port: 0 }],
      isMeshAddress: () => false,
    })
    bare.push(started)
    return started
  }

  async function link(from: Member, to: Member): Promise<void> {
    from.underlay.setTargets([targetOf(to)])
    await expect.poll(() => from.underlay.neighbours(), DEADLINE).toContain(to.node)
  }

  const faultOf = (told: Told) => (told.kind === 'fault' ? told.fault : undefined)

  it('is answered over the link that stands, and the answer knows who asks', async () => {
    const asked: string[] = []
    const [a, b] = [
      await member(11),
      await member(12, {
        answer: async (from) => {
          asked.push(from)
          return { kind: 'fault', fault: 'busy' }
        },
      }),
    ]
    await link(a, b)
    expect(faultOf(await a.underlay.ask(b.node, QUESTION))).toBe('busy')
    expect(asked).toEqual([a.node])
  })

  it('to a member that is no neighbour makes a link, and ends it again', async () => {
    const [hub, b] = [await member(13), await member(12)]
    const a = await member(11, { askTarget: () => targetOf(b) })
    await link(a, hub)
    await link(b, hub)
    await expect.poll(() => a.view.entries.size, DEADLINE).toBe(3)
    expect(await a.underlay.ask(b.node, QUESTION)).toEqual(REFUSED)
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([hub.node])
    expect(a.events).toContainEqual({ kind: 'neighbour-up', node: b.node })
  })

  it('to a member that no link leads to is not reached', async () => {
    const [a, b] = [await member(11), await member(12)]
    expect(faultOf(await a.underlay.ask(b.node, QUESTION))).toBe('unreached')
  })

  it('to a host that does not speak the protocol says so, and of a stranger is refused', async () => {
    const [old, asker, member] = await Promise.all([bareNode(21), bareNode(22), bareNode(23)])
    const protocolOf = (to: Libp2p) =>
      new AskProtocol({
        answer: async () => ({ kind: 'fault', fault: 'busy' }),
        memberOf: () => undefined,
        withConnection: async (_, use) => use(await asker.dial(to.getMultiaddrs())),
      })
    await protocolOf(asker).listen(member)
    const ask = (to: Libp2p) => protocolOf(to).ask('00' as NodeId, QUESTION)
    expect(faultOf(await ask(old))).toBe('not-spoken')
    expect(faultOf(await ask(member))).toBe('refused')
  })

  it('asked again and again is refused for a while, and others are still answered', async () => {
    const [a, b, c] = [await member(11), await member(12), await member(13)]
    await link(a, b)
    await link(c, b)
    const faults = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const all: (string | undefined)[] = []
        for (let i = 0; i < 10; i++) all.push(faultOf(await a.underlay.ask(b.node, QUESTION)))
        return all
      }),
    )
    expect(faults.flat()).toContain('busy')
    expect(faultOf(await c.underlay.ask(b.node, QUESTION))).toBe('refused')
  })
})
