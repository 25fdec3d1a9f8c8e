// SPDX-License-Identifier: Apache-2.0
/**
 * What native/PROTOCOL.md promises, asked of any helper: the Go binary and the simulated one.
 */
import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../../agent/core/helper-contract.ts'
import { HELPER_ERROR } from '../../agent/shell/helper/helper-fault.ts'
import type { RpcConnection } from '../../agent/shell/helper/rpc-connection.ts'
import { channelContract } from './channel-contract.ts'
import { contractBench, refusedFields, type RunningHelper } from './contract-bench.ts'
import { exampleDesired, exampleEndpoint, newPeer } from './desired-example.ts'
import { namesContract } from './names-contract.ts'
import { pathContract } from './path-contract.ts'
import { searchContract } from './search-contract.ts'

export function helperContract(start: () => Promise<RunningHelper>): void {
  const bench = contractBench(start)
  const { raw, greeted } = bench

  const errorCode = async (rpc: RpcConnection, method: string, params: object) => {
    const reply = await rpc.request(method, params, 5_000)
    return reply.kind === 'error' ? reply.error.code : reply
  }

  describe('hello', () => {
    it('comes first: anything else is refused before it', async () => {
      const { rpc } = await raw()
      expect(await errorCode(rpc, 'state', {})).toBe(HELPER_ERROR.helloFirst)
    })

    it('names protocol, engine, features and an instance that two connections share', async () => {
      const [first, second] = [await greeted(), await greeted()]
      expect(first.hello).toMatchObject({ protocol: 1, instance: second.hello.instance })
      expect(first.hello.instance).toMatch(/^[0-9a-f]+$/)
      expect(first.hello.features).toContain('search-transaction')
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
      const garbage = createConnection(bench.helper().socketPath)
      bench.closeLater({ close: () => garbage.destroy() })
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

  describe('a firewall', () => {
    const allow = [
      { from: ['10.213.0.2', 'fd21:3456:789a::2'], protocol: 'tcp', ports: [[22, 22]] },
      { from: ['10.213.0.2'], protocol: 'icmp', ports: [] },
    ] as const

    it('is made, changed and taken away again, and never twice', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      const changes = async (document: DesiredState) => {
        const applied = await client.apply(document)
        return applied.ok
          ? applied.value.changed.filter((one) => one.startsWith('firewall'))
          : applied
      }
      expect(await changes(desired)).toEqual([])
      expect(await changes({ ...desired, firewall: { allow } })).toHaveLength(1)
      expect(await changes({ ...desired, firewall: { allow } })).toEqual([])
      expect(await changes({ ...desired, firewall: { allow: [] } })).toHaveLength(1)
      expect(await changes(desired)).toHaveLength(1)
    })

    it('with bad fields is refused as a whole, and each field is named', async () => {
      const { client } = await greeted()
      const firewall = {
        allow: [
          { from: ['nobody'], protocol: 'sctp', ports: [] },
          { from: [], protocol: 'icmp', ports: [[1, 2]] },
          {
            from: [],
            protocol: 'tcp',
            ports: [
              [0, 70_000],
              [9, 8],
            ],
          },
        ],
      }
      const document = { ...exampleDesired(), firewall } as unknown as DesiredState
      expect(refusedFields(await client.apply(document))).toEqual(
        expect.arrayContaining([
          'firewall.allow[0].from[0]',
          'firewall.allow[0].protocol',
          'firewall.allow[1].ports',
          'firewall.allow[2].ports[0][0]',
          'firewall.allow[2].ports[0][1]',
          'firewall.allow[2].ports[1]',
        ]),
      )
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

    it('has late answers sent, and taken in, from what it is told, and names what is no prefix', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      await client.apply(desired)
      const [peer, ...others] = desired.peers
      const late = {
        ...desired,
        lateFrom: ['192.168.77.0/24'],
        peers: [{ ...peer!, lateIps: ['192.168.78.0/24'] }, ...others],
      }
      const changed = await client.apply(late)
      expect(changed.ok && changed.value.changed).toHaveLength(2)
      expect(await client.apply(late)).toMatchObject({ ok: true, value: { changed: [] } })
      const wrong = {
        ...late,
        lateFrom: ['192.168.77.0/33'],
        peers: [{ ...peer!, lateIps: ['x'] }],
      }
      expect(refusedFields(await client.apply(wrong))).toEqual(
        expect.arrayContaining(['lateFrom[0]', 'peers[0].lateIps[0]']),
      )
      const back = await client.apply(desired)
      expect(back.ok && back.value.changed).toHaveLength(2)
    })

    it('names every bad field at once, and touches nothing', async () => {
      const { client } = await greeted()
      const desired = exampleDesired()
      await client.apply(desired)
      const before = await client.state()
      const refused = await client.apply(withFaults(desired))
      expect(refused).toMatchObject({ ok: false, fault: { kind: 'refused' } })
      expect(refusedFields(refused)).toEqual(
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

  namesContract(bench)
  pathContract(bench)
  channelContract(bench)
  searchContract(bench)

  it('refuses to probe, to echo or to measure a peer that it does not know', async () => {
    const { client } = await greeted()
    const desired = exampleDesired()
    await client.apply(desired)
    const peer = newPeer(9).publicKey
    const endpoint = exampleEndpoint(9)
    const transaction = '00'.repeat(16)
    const fault = { kind: 'no-such-peer' }
    expect(await client.probe({ peer, endpoint, transaction })).toMatchObject({ fault })
    expect(await client.echo({ peer })).toMatchObject({ fault })
    const size = { path: 'direct:192.0.2.1:1', sizeBytes: 1_420, timeoutMs: 100 }
    expect(await client.measure({ peer, ...size })).toMatchObject({ fault })
    const [known] = desired.peers
    expect(await client.measure({ peer: known!.publicKey, ...size, path: 'none' })).toMatchObject({
      fault,
    })
    // Nobody answers at the example's addresses.
    const path = known!.paths[0]!.id
    expect(await client.measure({ peer: known!.publicKey, ...size, path })).toMatchObject({
      fault: { kind: 'no-reply' },
    })
  })

  it('tells events to those who said hello', async () => {
    const { provoke } = bench.helper()
    if (provoke === undefined) return
    const { events } = await greeted()
    provoke()
    await expect.poll(() => events.length, { timeout: 5_000 }).toBeGreaterThan(0)
  })

  it('shuts down when it is told to, and takes its socket away', async () => {
    const { client } = await greeted()
    await client.apply(exampleDesired())
    expect(await client.shutdown()).toMatchObject({ ok: true })
    await bench.helper().gone
    await expect(raw()).rejects.toThrow()
  })
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
