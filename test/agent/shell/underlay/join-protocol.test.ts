// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeJoinReply,
  decodeJoinRequest,
  encodeJoinReply,
  encodeJoinRequest,
} from '../../../../agent/shell/underlay/join-frame.ts'
import { askToJoin } from '../../../../agent/shell/underlay/join-protocol.ts'
import { network } from '../../../topology/sample-network.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 10_000, interval: 10 }
const REQUEST = new Uint8Array(100).fill(5)
const REPLY = new Uint8Array(9_000).fill(6)

describe('a join request', () => {
  const { member } = members()

  /** An authority that remembers what it was asked. */
  async function authority(): Promise<{ member: Member; asked: Uint8Array[] }> {
    const asked: Uint8Array[] = []
    const answerJoin = async (request: Uint8Array) => {
      asked.push(request)
      return REPLY
    }
    return { member: await member(11, { authority: true, answerJoin }), asked }
  }

  const ask = (at: Member) =>
    askToJoin({
      seed: new Uint8Array(32).fill(99),
      presharedKey: network.presharedKey,
      bootstrap: at.underlay.listening[0]!,
      request: REQUEST,
    })

  async function linked(a: Member, b: Member): Promise<void> {
    a.underlay.setTargets([targetOf(b)])
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toContain(b.node)
    await expect.poll(() => b.versionOf(a.node), DEADLINE).toBeDefined()
    await expect.poll(() => a.versionOf(b.node), DEADLINE).toBeDefined()
  }

  it('is answered by an authority, and its sender is no neighbour for it', async () => {
    const { member: a, asked } = await authority()
    expect(await ask(a)).toEqual({ ok: true, value: REPLY })
    expect(asked).toEqual([REQUEST])
    expect(a.underlay.neighbours()).toEqual([])
  })

  it('is carried over a member that is no authority', async () => {
    const { member: a } = await authority()
    const b = await member(12)
    await linked(b, a)
    expect(await ask(b)).toEqual({ ok: true, value: REPLY })
  })

  it('of a member reaches an authority two links away', async () => {
    const { member: a } = await authority()
    const [b, c] = [await member(12), await member(13)]
    await linked(b, a)
    await linked(c, b)
    expect(await c.underlay.askAuthority(REQUEST)).toEqual({ ok: true, value: REPLY })
  })

  it('is told that there is no authority if none is a neighbour', async () => {
    const b = await member(12)
    expect(await ask(b)).toEqual({ ok: false, error: 'no-authority' })
  })

  it('is told that nobody answers at a dead address', async () => {
    const reply = await askToJoin({
      seed: new Uint8Array(32).fill(99),
      presharedKey: network.presharedKey,
      bootstrap: '/ip4/127.0.0.1/tcp/1',
      request: REQUEST,
    })
    expect(reply).toEqual({ ok: false, error: 'unreachable' })
  })

  it('is put off when one address asks too often', async () => {
    const { member: a } = await authority()
    const replies = await Promise.all(Array.from({ length: 12 }, () => ask(a)))
    expect(replies.filter((reply) => reply.ok).length).toBeGreaterThanOrEqual(5)
    expect(replies).toContainEqual({ ok: false, error: 'busy' })
  })

  it('survives its frame, and a broken frame is refused', () => {
    const frame = encodeJoinRequest({ hops: 1, request: REQUEST })
    expect(decodeJoinRequest(frame)).toEqual({ ok: true, value: { hops: 1, request: REQUEST } })
    expect(decodeJoinReply(encodeJoinReply({ ok: false, error: 'busy' }))).toEqual({
      ok: false,
      error: 'busy',
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => {
        decodeJoinReply(bytes)
        const request = decodeJoinRequest(bytes)
        if (request.ok) expect(encodeJoinRequest(request.value)).toEqual(bytes)
      }),
    )
  })
})
