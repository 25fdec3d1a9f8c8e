// SPDX-License-Identifier: Apache-2.0
/**
 * What native/PROTOCOL.md promises, asked of any helper: the Go binary and the simulated one.
 */
import { createConnection } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DesiredState, HelperEvent, HelperHello } from '../../agent/core/helper-contract.ts'
import { type HelperClient, startHelperClient } from '../../agent/shell/helper/helper-client.ts'
import { HELPER_ERROR } from '../../agent/shell/helper/helper-fault.ts'
import { RpcConnection } from '../../agent/shell/helper/rpc-connection.ts'
import { exampleDesired, exampleEndpoint, newPeer } from './desired-example.ts'

export interface RunningHelper {
  readonly socketPath: string
  /** Makes the helper send any event; left out where only the network can. */
  provoke?(): void
  /** Resolves when the process or server is gone by itself. */
  readonly gone: Promise<void>
  stop(): Promise<void>
}

export function helperContract(start: () => Promise<RunningHelper>): void {
  let helper: RunningHelper
  let open: { close(): void }[] = []

  beforeEach(async () => {
    helper = await start()
    open = []
  })

  afterEach(async () => {
    for (const one of open) one.close()
    await helper.stop()
  })

  async function raw(): Promise<{ rpc: RpcConnection; closed: Promise<string> }> {
    const closed = Promise.withResolvers<string>()
    const rpc = await RpcConnection.open(helper.socketPath, {
      onNotification: () => undefined,
      onClose: closed.resolve,
    })
    open.push(rpc)
    return { rpc, closed: closed.promise }
  }

  async function greeted(): Promise<{
    client: HelperClient
    hello: HelperHello
    events: HelperEvent[]
  }> {
    const events: HelperEvent[] = []
    const connected = Promise.withResolvers<HelperHello>()
    const client = startHelperClient({
      socketPath: helper.socketPath,
      client: 'contract suite',
      onConnected: connected.resolve,
      onDisconnected: () => undefined,
      onEvent: (event) => events.push(event),
    })
    open.push(client)
    return { client, hello: await connected.promise, events }
  }

  const errorCode = async (rpc: RpcConnection, method: string, params: object) => {
    const reply = await rpc.request(method, params, 5_000)
    return reply.kind === 'error' ? reply.error.code : reply
  }

  describe('hello', () => {
    it('comes first: anything else is refused before it', async () => {
      const { rpc } = await raw()
      expect(await errorCode(rpc, 'state', {})).toBe(HELPER_ERROR.helloFirst)
    })

    it('names protocol, engine and an instance that two connections share', async () => {
      const [first, second] = [await greeted(), await greeted()]
      expect(first.hello).toMatchObject({ protocol: 1, instance: second.hello.instance })
      expect(first.hello.instance).toMatch(/^[0-9a-f]+$/)
    })

    it('refuses a protocol that the helper does not speak, and says which it does', async () => {
      const { rpc } = await raw()
      const reply = await rpc.request('hello', { protocol: 99, client: 'contract suite' }, 5_000)
      expect(reply).toMatchObject({
        kind: 'error',
        error: { code: HELPER_ERROR.protocolNotSupported, data: { supported: [1] } },
      })
    })
  })

  describe('a message that is not understood', () => {
    it('is answered with unknown method, and the connection goes on', async () => {
      const { rpc } = await raw()
      await rpc.request('hello', { protocol: 1, client: 'contract suite' }, 5_000)
      expect(await errorCode(rpc, 'make-coffee', {})).toBe(HELPER_ERROR.unknownMethod)
      expect(await rpc.request('state', {}, 5_000)).toMatchObject({ kind: 'result' })
    })

    it('closes only its own connection if it is garbage', async () => {
      const { client } = await greeted()
      const garbage = createConnection(helper.socketPath)
      open.push({ close: () => garbage.destroy() })
      const heard: Buffer[] = []
      garbage.on('data', (chunk: Buffer) => heard.push(chunk))
      const closed = new Promise<void>((resolve) => garbage.on('close', () => resolve()))
      garbage.on('error', () => undefined)
      garbage.write('\u0000\u0001 this is not JSON\n')
      await closed
      expect(Buffer.concat(heard).toString()).toContain(String(HELPER_ERROR.parse))
      expect(await client.state()).toMatchObject({ ok: true })
    })
  })

  describe('apply', () => {
    it('makes what is desired, and changes nothing the second time', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      const first = await client.apply(desired)
      expect(first).toMatchObject({ ok: true })
      expect(first.ok && first.value.changed.length).toBeGreaterThan(0)
      expect(await client.apply(desired)).toMatchObject({ ok: true, value: { changed: [] } })
      const state = await client.state()
      expect(state.ok && state.value).toMatchObject({
        device: { name: desired.device!.name, mtu: 1280, stunServer: true },
        peers: [{ publicKey: desired.peers[0]!.publicKey, keepaliveMs: 25_000 }],
      })
    })

    it('names every bad field at once, and touches nothing', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      await client.apply(desired)
      const before = await client.state()
      const refused = await client.apply(withFaults(desired))
      expect(refused).toMatchObject({ ok: false, fault: { kind: 'refused' } })
      const fields =
        !refused.ok && refused.fault.kind === 'refused'
          ? refused.fault.problems.map(({ field }) => field)
          : []
      expect(fields).toEqual(
        expect.arrayContaining([
          'device.mtu',
          'peers[0].keepaliveMs',
          'peers[0].paths[0].endpoint',
          'peers[1].allowedIps[0]',
          'peers[1].probeKey',
        ]),
      )
      const after = await client.state()
      expect(after.ok && after.value.generation).toBe(before.ok && before.value.generation)
      expect(after.ok && after.value.device).toEqual(before.ok && before.value.device)
      expect(after.ok && after.value.peers.length).toBe(1)
    })

    it('refuses a field that it does not know', async () => {
      const { client } = await greeted()
      const desired = { ...exampleDesired(), surprise: 1 }
      expect(await client.apply(desired)).toMatchObject({ ok: false, fault: { kind: 'refused' } })
    })

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
      const fields =
        !refused.ok && refused.fault.kind === 'refused'
          ? refused.fault.problems.map(({ field }) => field)
          : []
      const at = (path: number) => fields.some((f) => f.startsWith(`peers[1].paths[${path}].via`))
      expect([0, 1, 2, 3, 4].map(at)).toEqual([true, true, true, true, true])
    })

    it('removes a peer that is no longer desired, and the device with null', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      await client.apply(desired)
      expect(await client.apply({ ...desired, peers: [] })).toMatchObject({ ok: true })
      const without = await client.state()
      expect(without.ok && without.value.peers).toEqual([])
      await client.apply({ device: null, routes: [], peers: [] })
      const gone = await client.state()
      expect(gone.ok && gone.value.device).toBeNull()
    })
  })

  it('refuses to probe or to echo a peer that it does not know', async () => {
    const { client } = await greeted()
    await client.apply(exampleDesired())
    const peer = newPeer(9).publicKey
    const endpoint = exampleEndpoint(9)
    const transaction = '00'.repeat(16)
    const fault = { kind: 'no-such-peer' }
    expect(await client.probe({ peer, endpoint, transaction })).toMatchObject({ fault })
    expect(await client.echo({ peer })).toMatchObject({ fault })
  })

  it('tells events to those who said hello', async () => {
    if (helper.provoke === undefined) return
    const { events } = await greeted()
    helper.provoke()
    await expect.poll(() => events.length, { timeout: 5_000 }).toBeGreaterThan(0)
  })

  it('shuts down when it is told to, and takes its socket away', async () => {
    const { client } = await greeted()
    await client.apply(exampleDesired())
    expect(await client.shutdown()).toMatchObject({ ok: true })
    await helper.gone
    await expect(raw()).rejects.toThrow()
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

function withFaults(desired: DesiredState): DesiredState {
  const [peer] = desired.peers
  const nowhere = { id: 'x', kind: 'direct', endpoint: 'nowhere' as never } as const
  return {
    ...desired,
    device: { ...desired.device!, mtu: 10 },
    peers: [
      { ...peer!, keepaliveMs: 1, paths: [nowhere] },
      { ...newPeer(3), allowedIps: ['nonsense'], probeKey: 'short' },
    ],
  }
}
