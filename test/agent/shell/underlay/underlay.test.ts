// SPDX-License-Identifier: Apache-2.0
import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import { NOW, revocationOf, signer } from '../../../topology/sample-network.ts'
import { encodeNotice } from '../../../../topology/notice.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 10_000, interval: 5 }

describe('the underlay', () => {
  const { member, stop } = members()

  async function linked(a: Member, b: Member): Promise<void> {
    a.underlay.setTargets([targetOf(b)])
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toContain(b.node)
    await expect.poll(() => b.underlay.neighbours(), DEADLINE).toContain(a.node)
  }

  it('makes two members neighbours that know each other by their records', async () => {
    const [a, b] = [await member(11), await member(12)]
    await linked(a, b)
    await expect.poll(() => a.versionOf(b.node), DEADLINE).toBe(NOW)
    await expect.poll(() => b.versionOf(a.node), DEADLINE).toBe(NOW)
    expect(a.events[0]).toEqual({ kind: 'neighbour-up', node: b.node })
  })

  it('brings a third member up to date when it links to one of them', async () => {
    const [a, b, c] = [await member(11), await member(12), await member(13)]
    await linked(a, b)
    await linked(c, b)
    await expect.poll(() => c.versionOf(a.node), DEADLINE).toBe(NOW)
    await expect.poll(() => a.versionOf(c.node), DEADLINE).toBe(NOW)
  })

  it('carries a new record over a hub at once to a neighbour that has only just linked', async () => {
    const [a, hub, b] = [await member(11), await member(12), await member(13)]
    await linked(a, hub)
    b.underlay.setTargets([targetOf(hub)])
    await expect.poll(() => hub.underlay.neighbours(), DEADLINE).toContain(b.node)
    a.say(NOW + 1)
    // Less than gossip's heartbeat and the second sync, either of which would bring it after a second.
    await expect.poll(() => b.versionOf(a.node), { timeout: 800, interval: 1 }).toBe(NOW + 1)
  })

  it('delivers a last record to whoever is there or links in time, and says whether it was heard', async () => {
    const [a, b, c] = [await member(11), await member(12), await member(13)]
    const farewell = a.say(NOW + 1)
    expect(await a.underlay.deliver(farewell, 100)).toBe(false)
    const heard = a.underlay.deliver(farewell, 5_000)
    b.underlay.setTargets([targetOf(a)])
    expect(await heard).toBe(true)
    expect(b.versionOf(a.node)).toBe(NOW + 1)
    c.underlay.setTargets([targetOf(a)])
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toHaveLength(2)
    expect(await a.underlay.deliver(a.say(NOW + 2), 5_000)).toBe(true)
    for (const other of [b, c])
      await expect.poll(() => other.versionOf(a.node), DEADLINE).toBe(NOW + 2)
  })

  it('tells of a neighbour that went, and links again once it is back', async () => {
    const [a, b] = [await member(11), await member(12)]
    await linked(a, b)
    const port = Number(b.underlay.listening[0]!.split('/').at(-1))
    await stop(b)
    await expect
      .poll(() => a.events.at(-1), DEADLINE)
      .toEqual({ kind: 'neighbour-down', node: b.node })
    const again = await member(12, { listen: [{ ip: '127.0.0.1', port }] })
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toContain(again.node)
  })

  it('ends with one connection when both sides dial at once', async () => {
    const [a, b] = [await member(11), await member(12)]
    a.underlay.setTargets([targetOf(b)])
    b.underlay.setTargets([targetOf(a)])
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toContain(b.node)
    await expect.poll(() => b.underlay.neighbours(), DEADLINE).toContain(a.node)
    a.say(NOW + 1)
    await expect.poll(() => b.versionOf(a.node), DEADLINE).toBe(NOW + 1)
    const downs = [...a.events, ...b.events].filter(({ kind }) => kind === 'neighbour-down')
    expect(downs).toEqual([])
  })

  it('carries a revocation to those that are there and to those that come later', async () => {
    const [a, b] = [await member(11), await member(12)]
    await linked(a, b)
    const bytes = encodeNotice('revocation', revocationOf(signer(13)))
    a.hear(bytes)
    a.underlay.publishNotice(bytes)
    await expect.poll(() => b.notices.byKey.size, DEADLINE).toBe(1)
    const late = await member(14)
    await linked(late, b)
    await expect.poll(() => late.notices.byKey.size, DEADLINE).toBe(1)
  })

  it('tells a revoked host that it is one, and closes its link', async () => {
    const [a, lost] = [await member(11), await member(13)]
    a.hear(encodeNotice('revocation', revocationOf(signer(13))))
    lost.underlay.setTargets([targetOf(a)])
    await expect.poll(() => lost.notices.byKey.size, DEADLINE).toBe(1)
    expect(a.underlay.neighbours()).toEqual([])
    expect(a.versionOf(lost.node)).toBeUndefined()
  })

  it('goes on after random bytes on its port', async () => {
    const [a, b] = [await member(11), await member(12)]
    const port = Number(a.underlay.listening[0]!.split('/').at(-1))
    for (let i = 0; i < 20; i++) {
      const socket = createConnection(port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.end(crypto.getRandomValues(new Uint8Array(1 + i * 50)))
    }
    await linked(b, a)
  })

  it('never dials an address inside the mesh', async () => {
    const [a, b] = [await member(11), await member(12)]
    a.underlay.setTargets([{ node: b.node, dialAddresses: ['/ip4/10.7.0.2/tcp/4001'] }])
    await linked(b, a)
  })
})
