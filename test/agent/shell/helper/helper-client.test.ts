// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HelperEvent } from '../../../../agent/core/helper-contract.ts'
import type { HelperHello } from '../../../../agent/core/helper-hello.ts'
import type { HelperFault } from '../../../../agent/core/helper-fault.ts'
import {
  type HelperClient,
  startHelperClient,
} from '../../../../agent/shell/helper/helper-client.ts'
import { parseHelperEvent } from '../../../../agent/shell/helper/helper-schema.ts'
import { exampleDesired } from '../../../contract/desired-example.ts'
import { SimulatedHelper } from '../../../sim/simulated-helper.ts'

const DEADLINE = { timeout: 10_000, interval: 10 }

describe('the helper client', () => {
  let directory: string
  let socketPath: string
  let client: HelperClient | undefined
  let hellos: HelperHello[]
  let faults: HelperFault[]
  let events: HelperEvent[]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meshgate-'))
    socketPath = join(directory, 'helper.sock')
    hellos = []
    faults = []
    events = []
  })

  afterEach(() => {
    client?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  function start(): HelperClient {
    client = startHelperClient({
      socketPath,
      client: 'test',
      onConnected: (hello) => hellos.push(hello),
      onDisconnected: (fault) => faults.push(fault),
      onEvent: (event) => events.push(event),
    })
    return client
  }

  it('waits for a helper that is not there yet, and answers meanwhile that it is not', async () => {
    const waiting = start()
    expect(await waiting.state()).toMatchObject({ ok: false, fault: { kind: 'disconnected' } })
    await expect.poll(() => faults.length, DEADLINE).toBeGreaterThan(0)
    const helper = await SimulatedHelper.start(socketPath)
    await expect.poll(() => hellos.length, DEADLINE).toBe(1)
    expect(await waiting.apply(exampleDesired())).toMatchObject({ ok: true })
    await helper.stop()
  })

  it('connects again after a restart, and can tell that it was one', async () => {
    const first = await SimulatedHelper.start(socketPath)
    start()
    await expect.poll(() => hellos.length, DEADLINE).toBe(1)
    await first.stop()
    await expect.poll(() => faults.length, DEADLINE).toBeGreaterThan(0)
    const second = await SimulatedHelper.start(socketPath)
    await expect.poll(() => hellos.length, DEADLINE).toBe(2)
    expect(hellos[0]!.instance).not.toBe(hellos[1]!.instance)
    await second.stop()
  })

  it('passes events on as checked values, and drops what it cannot read', async () => {
    const helper = await SimulatedHelper.start(socketPath)
    start()
    await expect.poll(() => hellos.length, DEADLINE).toBe(1)
    helper.emit('datagram', { from: 'nowhere', payload: 'AAEC' })
    helper.emit('newer-than-us', { anything: 1 })
    helper.emit('datagram', { from: '192.0.2.1:5', payload: 'AAEC', added: 'later' })
    await expect.poll(() => events.length, DEADLINE).toBe(1)
    expect(events[0]).toEqual({
      method: 'datagram',
      from: '192.0.2.1:5',
      payload: new Uint8Array([0, 1, 2]),
    })
    await helper.stop()
  })

  it('takes an answer that is not as agreed for a fault, not for an answer', async () => {
    const server = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().trim().split('\n')) {
          const { id, method } = JSON.parse(line) as { id: number; method: string }
          const hello = {
            protocol: 1,
            helper: 'x',
            engine: 'kernel',
            engineReason: '',
            instance: 'a',
          }
          const result = method === 'hello' ? hello : { instance: 5 }
          socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
        }
      })
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    const connected = start()
    await expect.poll(() => hellos.length, DEADLINE).toBe(1)
    // A helper from before there were any tells of none.
    expect(hellos[0]?.features).toEqual([])
    expect(await connected.state()).toMatchObject({ ok: false, fault: { kind: 'protocol' } })
    connected.close()
    server.close()
  })

  it('answers what is still open when the connection goes', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (chunk: Buffer) => {
        const { id } = JSON.parse(chunk.toString()) as { id: number }
        const result = {
          protocol: 1,
          helper: 'x',
          engine: 'kernel',
          engineReason: '',
          instance: 'a',
        }
        socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
        socket.once('data', () => socket.destroy())
      })
    })
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    const connected = start()
    await expect.poll(() => hellos.length, DEADLINE).toBe(1)
    expect(await connected.state()).toMatchObject({ ok: false, fault: { kind: 'disconnected' } })
    connected.close()
    server.close()
  })

  it('never throws on an event, whatever it holds', () => {
    for (const params of [null, 5, [], 'x', {}, { peers: [null] }, { links: {} }, undefined])
      for (const method of ['datagram', 'stats', 'links-changed', 'constructor', '__proto__'])
        expect(parseHelperEvent(method, params)).toBeUndefined()
  })
})
