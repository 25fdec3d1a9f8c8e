// SPDX-License-Identifier: Apache-2.0
/** What native/PROTOCOL.md promises of data channels, and of those who carry them. */
import { createConnection, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { HELPER_ERROR } from '../../agent/shell/helper/helper-fault.ts'
import { CarrierFrames, carrierFrame } from '../../agent/shell/channel/carrier-frame.ts'
import type { ContractBench } from './contract-bench.ts'
import { exampleDesired, newPeer } from './desired-example.ts'

export function channelContract({ greeted, raw, helper, closeLater }: ContractBench): void {
  /** A connection whose `carry` was answered, and what the helper says to it from then on. */
  async function carrier(): Promise<{ socket: Socket; heard: string[]; closed: Promise<void> }> {
    const socket = createConnection(helper().socketPath)
    closeLater({ close: () => socket.destroy() })
    const heard: string[] = []
    const frames = new CarrierFrames()
    const answered = Promise.withResolvers<void>()
    let isAnswered = false
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      if (!isAnswered) {
        isAnswered = true
        return answered.resolve()
      }
      for (const { word, peer } of frames.take(chunk) ?? []) heard.push(`${word} ${peer}`)
    })
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    const params = { protocol: 1, client: 'contract suite' }
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'carry', params })}\n`)
    await answered.promise
    return { socket, heard, closed }
  }

  describe('a data channel', () => {
    const channel = { id: 'channel', kind: 'channel' } as const

    it('is the last path of a peer, and is down while nobody carries it', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      const [peer] = desired.peers
      const peers = [{ ...peer!, paths: [...peer!.paths, channel] }]
      expect(await client.apply({ ...desired, peers })).toMatchObject({ ok: true })
      expect(await client.apply({ ...desired, peers })).toMatchObject({ value: { changed: [] } })
      const state = await client.state()
      expect(state.ok && state.value.peers[0]?.paths[1]).toMatchObject({
        ...channel,
        endpoint: null,
        via: [],
        server: null,
        up: false,
        carries: null,
      })
    })

    it('is dismissed when no path leads over it any more, and others are not', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      const [peer, other] = [desired.peers[0]!, newPeer(3)]
      const over = (one: typeof peer) => ({ ...one, paths: [channel] })
      await client.apply({ ...desired, peers: [over(peer), over(other)] })
      const { socket, heard } = await carrier()
      socket.write(carrierFrame('open', peer.publicKey))
      socket.write(carrierFrame('open', other.publicKey))
      const until = async (count: number) =>
        expect.poll(() => heard.filter((one) => one.startsWith('closed')).length).toBe(count)
      // Both must have been heard before the paths go.
      await expect
        .poll(async () => {
          await client.apply({ ...desired, peers: [over(peer), over(other)] })
          await client.apply({ ...desired, peers: [peer, over(other)] })
          return heard.filter((one) => one === `closed ${peer.publicKey}`).length
        })
        .toBeGreaterThan(0)
      expect(heard).not.toContain(`closed ${other.publicKey}`)
      const before = heard.filter((one) => one.startsWith('closed')).length
      await client.apply({ ...desired, peers: [peer, other] })
      await until(before + 1)
      expect(heard.at(-1)).toBe(`closed ${other.publicKey}`)
    })

    it('ends with a carrier that says something else, and nobody else suffers', async () => {
      const { client } = await greeted()
      const { socket, closed } = await carrier()
      socket.write(Buffer.alloc(100, 9))
      await closed
      expect(await client.state()).toMatchObject({ ok: true })
    })

    it('is carried by no connection that has said hello', async () => {
      const { rpc } = await raw()
      const greeting = { protocol: 1, client: 'contract suite' }
      await rpc.request('hello', greeting, 5_000)
      const reply = await rpc.request('carry', greeting, 5_000)
      expect(reply).toMatchObject({ kind: 'error', error: { code: HELPER_ERROR.unknownMethod } })
    })
  })
}
