// SPDX-License-Identifier: Apache-2.0
/** What native/PROTOCOL.md promises of searches and of the sockets that they leave. */
import { describe, expect, it } from 'vitest'
import type { HelperSearch } from '../../agent/core/helper-contract.ts'
import type { ContractBench } from './contract-bench.ts'
import { exampleDesired, exampleEndpoint, newPeer } from './desired-example.ts'

export function searchContract({ greeted }: ContractBench): void {
  const desired = exampleDesired()
  const peer = desired.peers[0]!.publicKey
  const search: HelperSearch = {
    peer,
    transaction: '0'.repeat(32),
    sockets: 4,
    endpoints: [exampleEndpoint(2)],
    perSecond: 200,
    durationMs: 20_000,
  }

  async function begun() {
    const { client, events } = await greeted()
    await client.apply(desired)
    const ended = async (count: number) => {
      const endings = () => events.filter((event) => event.method === 'search-ended')
      await expect.poll(() => endings().length, { timeout: 5_000 }).toBe(count)
      return endings().at(-1)
    }
    return { client, ended }
  }

  describe('a search', () => {
    it('ends by itself and tells what it took', async () => {
      const { client, ended } = await begun()
      expect(await client.search({ ...search, durationMs: 400 })).toMatchObject({ ok: true })
      const nothing = { peer, result: 'nothing', endpoint: null, socket: null }
      expect(await ended(1)).toMatchObject({ ...nothing, probes: 4 })
      const sweep = { ...search, sockets: 0, endpoints: [2, 3].map(exampleEndpoint) }
      expect(await client.search({ ...sweep, durationMs: 400 })).toMatchObject({ ok: true })
      expect(await ended(2)).toMatchObject({ ...nothing, sockets: 0, probes: 2 })
    })

    it('takes the place of the one before it, and is the only one of its peer until it is stopped', async () => {
      const { client, ended } = await begun()
      await client.search(search)
      const next = { ...search, transaction: '1'.repeat(32) }
      expect(await client.search(next)).toMatchObject({ ok: true })
      const { transaction } = search
      expect(await ended(1)).toMatchObject({ peer, transaction, result: 'stopped' })
      expect(await client.stopSearch(peer)).toMatchObject({ ok: true })
      const second = { peer, transaction: next.transaction, result: 'stopped' }
      expect(await ended(2)).toMatchObject(second)
      expect(await client.stopSearch(peer)).toMatchObject({ ok: true })
      expect(await client.search(search)).toMatchObject({ ok: true })
    })

    it('of an older agent has no name, and its end tells none', async () => {
      const { client, ended } = await begun()
      const { transaction: _, ...nameless } = search
      expect(await client.search(nameless)).toMatchObject({ ok: true })
      expect(await client.stopSearch(peer)).toMatchObject({ ok: true })
      const end = await ended(1)
      expect(end).toMatchObject({ peer, result: 'stopped' })
      expect(end).not.toHaveProperty('transaction')
    })

    it('goes with its peer', async () => {
      const { client, ended } = await begun()
      await client.search(search)
      await client.apply({ ...desired, peers: [] })
      expect(await ended(1)).toMatchObject({ peer, result: 'stopped' })
    })

    it.each([
      { sockets: 257 },
      { endpoints: [] },
      { perSecond: 201 },
      { durationMs: 60_001 },
      { transaction: 'X' },
    ])('is refused beyond its bounds: %j', async (beyond) => {
      const { client } = await begun()
      expect(await client.search({ ...search, ...beyond })).toMatchObject({ ok: false })
    })

    it('is refused for a peer that is not known', async () => {
      const { client } = await begun()
      const stranger = newPeer(9).publicKey
      const fault = { kind: 'no-such-peer' }
      expect(await client.search({ ...search, peer: stranger })).toMatchObject({ fault })
      expect(await client.stopSearch(stranger)).toMatchObject({ fault })
    })
  })

  it('a path from a socket that is gone is kept, and leads nowhere', async () => {
    const { client } = await begun()
    const endpoint = exampleEndpoint(2)
    const path = { id: 'punched', kind: 'direct', endpoint, socket: 40_000 } as const
    const peers = [{ ...desired.peers[0]!, paths: [path] }]
    expect(await client.apply({ ...desired, peers })).toMatchObject({ ok: true })
    const state = await client.state()
    const nowhere = { id: 'punched', endpoint: null, socket: 40_000, up: false }
    expect(state.ok && state.value.peers[0]?.paths).toMatchObject([nowhere])
  })
}
