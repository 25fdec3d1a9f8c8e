// SPDX-License-Identifier: Apache-2.0
/**
 * What hosts that are no members, or behave like none, can and cannot do to a member's underlay.
 */
import type { Libp2p } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeCrypto, signerOf } from '../../../../agent/shell/node-crypto.ts'
import { SYNC_PROTOCOL } from '../../../../agent/shell/underlay/sync-protocol.ts'
import { startUnderlayNode } from '../../../../agent/shell/underlay/underlay-node.ts'
import { CONTROL_PROTOCOL } from '../../../../agent/shell/underlay/control-lanes.ts'
import { encodeControlFrame } from '../../../../topology/control-frame.ts'
import {
  decodeFrame,
  helloFrames,
  noticeFrames,
  wantFrames,
} from '../../../../topology/sync-frame.ts'
import { encodeNotice, noticesDigest } from '../../../../topology/notice.ts'
import { nodeIdOf } from '../../../../topology/identity.ts'
import { signCertificate } from '../../../../topology/certificate-codec.ts'
import { signRecord } from '../../../../topology/record-codec.ts'
import {
  certificateOf,
  network,
  NOW,
  recordOf,
  revocationOf,
  signer,
  statementOf,
} from '../../../topology/sample-network.ts'
import { type Member, startMember, targetOf } from './sample-member.ts'

const NO_NOTICES = '0'.repeat(16)
const DEADLINE = { timeout: 10_000, interval: 10 }

describe('a stranger', () => {
  const members: Member[] = []
  const strangers: Libp2p[] = []

  afterEach(async () => {
    for (const started of strangers.splice(0)) await started.stop()
    await Promise.all(members.splice(0).map(({ underlay }) => underlay.close()))
  })

  async function member(letter: number): Promise<Member> {
    const started = await startMember(letter)
    members.push(started)
    return started
  }

  async function stranger(letter: number, presharedKey = network.presharedKey): Promise<Libp2p> {
    const started = await startUnderlayNode({
      seed: new Uint8Array(32).fill(letter),
      presharedKey,
      listen: [],
      isMeshAddress: () => false,
    })
    strangers.push(started)
    return started
  }

  const dial = (from: Libp2p, to: Member, signal?: AbortSignal) =>
    from.dial(multiaddr(to.underlay.listening[0]), signal && { signal })

  /** Says hello with these frames; resolves to whether the member answered with its own. */
  async function sayHello(from: Libp2p, to: Member, frames: Uint8Array[]): Promise<boolean> {
    const connection = await dial(from, to)
    try {
      const messages = lpStream(await connection.newStream(SYNC_PROTOCOL))
      for (const frame of frames) await messages.write(frame)
      const answer = decodeFrame((await messages.read()).subarray())
      return answer.ok && answer.value.kind === 'hello'
    } catch {
      return false
    }
  }

  it('that lacks the pre-shared key gets no connection', async () => {
    const a = await member(11)
    const scanner = await stranger(66, new Uint8Array(32).fill(1))
    // Neither side understands the other, and each waits for more.
    await expect(dial(scanner, a, AbortSignal.timeout(1_000))).rejects.toThrow()
  })

  it('that proves nothing, pushes records or gossips is closed after a while, and is not heard', async () => {
    const a = await member(11)
    const [silent, pushing, gossiping] = [
      await stranger(66),
      await stranger(67),
      await stranger(68),
    ]
    const connection = await dial(silent, a)
    expect(connection.status).toBe('open')
    const control = lpStream(await (await dial(pushing, a)).newStream(CONTROL_PROTOCOL))
    const content = { kind: 'record', bytes: recordOf(signer(12)).bytes } as const
    await control.write(encodeControlFrame({ number: 0, content }))
    const acknowledged = control.read().then(
      () => true,
      () => false,
    )
    const stream = await (await dial(gossiping, a)).newStream('/meshsub/1.2.0')
    stream.send(new Uint8Array(200).fill(7))
    for (const node of [silent, pushing, gossiping])
      await expect.poll(() => node.getConnections(), DEADLINE).toEqual([])
    expect(await acknowledged).toBe(false)
    expect(a.events).toEqual([])
    expect(a.view.entries.size).toBe(1)
  })

  it("that shows another node's record is closed at once", async () => {
    const a = await member(11)
    const thief = await stranger(66)
    const stolen = recordOf(signer(12)).bytes
    expect(await sayHello(thief, a, helloFrames(stolen, [], NO_NOTICES))).toBe(false)
    await expect.poll(() => thief.getConnections(), DEADLINE).toEqual([])
    expect(a.underlay.neighbours()).toEqual([])
  })

  it('whose certificate another authority signed is closed at once', async () => {
    const a = await member(11)
    const foreigner = signer(66)
    const certificate = signCertificate(certificateOf(foreigner), signer(77))
    const record = signRecord(statementOf(), certificate, foreigner).bytes
    const node = await stranger(66)
    expect(await sayHello(node, a, helloFrames(record, [], NO_NOTICES))).toBe(false)
    await expect.poll(() => node.getConnections(), DEADLINE).toEqual([])
  })

  it('that sends garbage as a hello is closed', async () => {
    const a = await member(11)
    const node = await stranger(66)
    expect(await sayHello(node, a, [new Uint8Array(300).fill(0xff)])).toBe(false)
    await expect.poll(() => node.getConnections(), DEADLINE).toEqual([])
  })

  it('with a valid certificate becomes a neighbour: the tests above fail for the right reason', async () => {
    const a = await member(11)
    const node = await stranger(66)
    const own = recordOf(signer(66), {}, { name: 'node-66' }).bytes
    expect(await sayHello(node, a, helloFrames(own, [], NO_NOTICES))).toBe(true)
    const id = nodeIdOf(signerOf(new Uint8Array(32).fill(66)).publicKey)
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([id])
  })
})

describe('a member', () => {
  const members: Member[] = []

  afterEach(async () => {
    await Promise.all(members.splice(0).map(({ underlay }) => underlay.close()))
  })

  async function chain(): Promise<[Member, Member, Member]> {
    const [a, b, c] = [await startMember(11), await startMember(12), await startMember(13)]
    members.push(a, b, c)
    a.underlay.setTargets([targetOf(b)])
    c.underlay.setTargets([targetOf(b)])
    await expect.poll(() => b.underlay.neighbours().length, DEADLINE).toBe(2)
    await expect.poll(() => a.versionOf(c.node), DEADLINE).toBe(NOW)
    return [a, b, c]
  }

  it('does not pass on what is forged, oversized, old or of another network', async () => {
    const [a, b, c] = await chain()
    const forged = recordOf(signer(20), { version: NOW + 1 }).bytes.slice()
    forged[forged.length - 1]! ^= 1
    const foreign = signRecord(
      statementOf(),
      signCertificate(certificateOf(signer(21), { network: 'ab'.repeat(16) as never }), signer(1)),
      signer(21),
    ).bytes
    const before = b.events.length
    for (const bad of [forged, foreign, new Uint8Array(20_000), recordOf(a.signer).bytes])
      a.underlay.publish(bad)
    // What is published last arrives last: once it is there, the others were judged.
    a.say(NOW + 2)
    await expect.poll(() => c.versionOf(a.node), DEADLINE).toBe(NOW + 2)
    const news = b.events.slice(before).filter(({ kind }) => kind === 'record')
    expect(news).toHaveLength(1)
    expect(c.view.entries.size).toBe(3)
  })

  it('that keeps sending forgeries is hung up on', async () => {
    const [a, b] = await chain()
    const genuine = recordOf(signer(20)).bytes
    for (let i = 0; i < 40; i++) {
      const forged = genuine.slice()
      forged[forged.length - 1 - i]! ^= 1
      a.underlay.publish(forged)
    }
    const down = { kind: 'neighbour-down', node: a.node }
    await expect.poll(() => b.events, DEADLINE).toContainEqual(down)
  })

  it('whose notices change while it waits for the answer to its hello is still understood', async () => {
    const notice = encodeNotice('revocation', revocationOf(signer(13)))
    const server = await startUnderlayNode({
      seed: new Uint8Array(32).fill(66),
      presharedKey: network.presharedKey,
      listen: [{ ip: '127.0.0.1', port: 0 }],
      isMeshAddress: () => false,
    })
    const a = await startMember(11)
    members.push(a)
    const own = recordOf(signer(66), {}, { name: 'node-66' }).bytes
    const answered = new Promise<unknown>((resolve, reject) => {
      void server.handle(SYNC_PROTOCOL, async (stream) => {
        const messages = lpStream(stream)
        await messages.read()
        a.hear(notice)
        const digest = noticesDigest(a.notices, nodeCrypto)
        const answer = [
          ...helloFrames(own, [], digest),
          ...noticeFrames([notice]),
          ...wantFrames([]),
        ]
        for (const frame of answer) await messages.write(frame)
        // Its own notices end the exchange; a stream that is cut says that it took us for a stranger.
        await messages.read().then(resolve, reject)
      })
    })
    try {
      const node = nodeIdOf(signer(66).publicKey)
      const [address] = server.getMultiaddrs()
      a.underlay.setTargets([{ node, dialAddresses: [String(address).replace(/\/p2p\/.*$/, '')] }])
      await answered
      expect(a.underlay.neighbours()).toEqual([node])
    } finally {
      await server.stop()
    }
  })

  it('that was hung up on is told of as gone', async () => {
    const [a, b] = await chain()
    b.underlay.hangUp(a.node)
    const down = { kind: 'neighbour-down', node: a.node }
    await expect.poll(() => b.events, DEADLINE).toContainEqual(down)
  })
})
