// SPDX-License-Identifier: Apache-2.0
/** What native/PROTOCOL.md promises of paths that lead over somebody else. */
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../agent/core/helper-contract.ts'
import { type ContractBench, refusedFields } from './contract-bench.ts'
import { exampleDesired, exampleEndpoint, newPeer } from './desired-example.ts'

export function pathContract({ greeted }: ContractBench): void {
  describe('a path that is not direct', () => {
    it('takes relayed paths beside direct ones, and shows over whom they go', async () => {
      const { client } = await greeted()
      const desired = withRelayedPaths(exampleDesired())
      const [hub, far] = desired.peers.map(({ publicKey }) => publicKey)
      expect(await client.apply(desired)).toMatchObject({ ok: true })
      expect(await client.apply(desired)).toMatchObject({ ok: true, value: { changed: [] } })
      const state = await client.state()
      expect(state.ok && state.value.device?.relay).toBe(true)
      const ofFar = state.ok && state.value.peers.find(({ publicKey }) => publicKey === far)
      expect(ofFar && ofFar.paths).toMatchObject([
        { id: desired.peers[1]!.paths[0]!.id, kind: 'direct', via: [] },
        { id: 'relay:one', kind: 'relay', via: [hub] },
        { id: 'relay:two', kind: 'relay', via: [hub, STRANGER] },
      ])
    })

    it('takes the same path over other hubs for another path', async () => {
      const { client } = await greeted()
      const desired = withRelayedPaths(exampleDesired())
      await client.apply(desired)
      const [hub, far] = desired.peers
      const moved = { id: 'relay:one', kind: 'relay', via: [hub!.publicKey, STRANGER] } as const
      const result = await client.apply({ ...desired, peers: [hub!, { ...far!, paths: [moved] }] })
      expect(result.ok && result.value.changed.length).toBeGreaterThan(0)
      const state = await client.state()
      const vias = state.ok && state.value.peers.flatMap(({ paths }) => paths.map(({ via }) => via))
      expect(vias).toContainEqual([hub!.publicKey, STRANGER])
    })

    it('refuses relayed paths that cannot be: over a stranger, over the peer itself, twice over one hub', async () => {
      const { client } = await greeted()
      const desired = withRelayedPaths(exampleDesired())
      const [hub, far] = desired.peers.map(({ publicKey }) => publicKey)
      const relay = (id: string, ...via: string[]) => ({ id, kind: 'relay', via }) as const
      const paths = [
        relay('a', STRANGER),
        relay('b', far!),
        relay('c', hub!, hub!),
        relay('d', hub!, far!),
        relay('e'),
      ]
      const refused = await client.apply({
        ...desired,
        peers: [desired.peers[0]!, { ...desired.peers[1]!, paths }],
      })
      const fields = refusedFields(refused)
      const at = (path: number) => fields.some((f) => f.startsWith(`peers[1].paths[${path}].via`))
      expect([0, 1, 2, 3, 4].map(at)).toEqual([true, true, true, true, true])
    })

    it('keeps an allocation on each TURN server, and takes paths over it', async () => {
      const { client } = await greeted()
      const desired = withTurnPaths(exampleDesired())
      expect(await client.apply(desired)).toMatchObject({ ok: true })
      expect(await client.apply(desired)).toMatchObject({ ok: true, value: { changed: [] } })
      const state = await client.state()
      expect(state.ok && state.value.turn).toMatchObject([
        { id: 'one', transport: 'udp', relayed: null },
        { id: 'two', transport: 'tls', relayed: null },
      ])
      expect(state.ok && state.value.peers[0]?.paths[1]).toMatchObject({
        id: 'turn:two',
        kind: 'turn',
        server: 'two',
        via: [],
        up: false,
        carries: null,
      })
    })

    it('refuses TURN servers without a password, given twice, and paths over others', async () => {
      const { client } = await greeted()
      const desired = withTurnPaths(exampleDesired())
      const [one, two] = desired.turn!
      const { password: _, ...nameOnly } = one!
      const turn = [
        nameOnly,
        { ...two!, id: 'one', ca: 'relative.pem', url: 'turn:x?transport=dtls' },
      ]
      const refused = await client.apply({ ...desired, turn })
      const fields = refusedFields(refused)
      expect(fields.toSorted()).toEqual([
        'peers[0].paths[1].server',
        'turn[0].password',
        'turn[1].ca',
        'turn[1].id',
        'turn[1].url',
      ])
    })
  })
}

/** Any key: a second hub need not be a peer. */
const STRANGER = newPeer(9).publicKey

/** A second peer, which is reached directly, over the first, and over the first and another hub. */
function withRelayedPaths(desired: DesiredState): DesiredState {
  const [hub] = desired.peers
  const far = newPeer(3)
  const one = { id: 'relay:one', kind: 'relay', via: [hub!.publicKey] } as const
  const two = { id: 'relay:two', kind: 'relay', via: [hub!.publicKey, STRANGER] } as const
  return {
    ...desired,
    device: { ...desired.device!, relay: true },
    peers: [hub!, { ...far, paths: [...far.paths, one, two] }],
  }
}

/** Two servers that do not answer, and a path over the second one. */
function withTurnPaths(desired: DesiredState): DesiredState {
  const [peer] = desired.peers
  const endpoint = exampleEndpoint(2)
  const path = { id: 'turn:two', kind: 'turn', server: 'two', endpoint } as const
  return {
    ...desired,
    turn: [
      { id: 'one', url: 'turn:192.0.2.77:3478?transport=udp', username: 'u', password: 'p' },
      { id: 'two', url: 'turns:192.0.2.77:443?transport=tcp', username: 'u', secret: 's' },
    ],
    peers: [{ ...peer!, paths: [...peer!.paths, path] }],
  }
}
