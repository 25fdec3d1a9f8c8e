// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgentApi } from '../../../../agent/shell/api/agent-api.ts'
import type { EventEntry } from '../../../../agent/core/event-log.ts'
import { ApiClient } from '../../../../agent/shell/api/api-client.ts'
import { Failure } from '../../../../agent/shell/failure.ts'
import { type LocalApi, startLocalApi } from '../../../../agent/shell/api/local-api.ts'

const happened = (sequence: number): EventEntry => ({
  sequence,
  time: '2026-01-01T12:00:00.000Z',
  kind: 'helper-lost',
  reason: 'killed',
})

describe('the local API', () => {
  let directory: string
  let socketPath: string
  let server: LocalApi
  let pings: string[]
  let hungUp: boolean

  const path = {
    kind: 'direct',
    via: null,
    hubServer: null,
    endpoint: null,
    rttMs: 1,
    lossPct: 0,
  } as const
  const api: AgentApi = {
    status: async () => ({ peers: [] }) as never,
    plan: async () => ({ device: null }),
    netcheck: async ({ refresh }) => ({ evidence: refresh ? 'fresh' : 'known' }) as never,
    events: async () => [happened(1)],
    async *followEvents(gone) {
      yield happened(1)
      await new Promise((resolve) => gone.addEventListener('abort', resolve))
      hungUp = true
    },
    why: async (peer) => (peer === 'beta' ? ({ peer, sentence: 'direct' } as never) : undefined),
    ping: async (peer) => {
      pings.push(peer)
      return { ok: true, reply: { rttMs: 2, path } }
    },
    metrics: async () => 'meshgate_up 1\n',
    history: async () => [],
    reload: async () => ({ changed: ['relay'], restart: [] }),
    drain: async (draining) => ({ relays: true, prefixes: [], draining, users: [], frames: 0 }),
    hub: async () => ({ relays: true, prefixes: [], draining: false, users: [], frames: 0 }),
    policy: async () => ({ policy: null }),
    desk: () => {
      throw new Failure('no-authority', 'the key is elsewhere', { remedy: '' })
    },
    dashboard: async () => ({ url: 'http://127.0.0.1:1/#login=x', validS: 60 }),
    rotate: async () => ({ ok: false, message: 'no' }),
    announce: async () => false,
    leave: async () => ({ toldOthers: true }),
    stop: async ({ helper }) => {
      throw new Error(helper ? 'cannot stop both' : 'cannot stop')
    },
  }

  beforeEach(async () => {
    pings = []
    hungUp = false
    directory = mkdtempSync(join(tmpdir(), 'meshgate-'))
    socketPath = join(directory, 'agent.sock')
    server = await startLocalApi({ socketPath, api })
  })

  afterEach(async () => {
    await server.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const client = () => new ApiClient(directory)

  it('answers its owner and group only', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o660)
  })

  it('passes on what the agent says', async () => {
    expect(await client().get('/v1/plan')).toEqual({ device: null })
    expect(await client().get('/v1/netcheck')).toEqual({ evidence: 'known' })
    expect(await client().get('/v1/netcheck?refresh=1')).toEqual({ evidence: 'fresh' })
    expect(await client().get('/v1/why?peer=beta')).toMatchObject({ sentence: 'direct' })
    expect(await client().post('/v1/leave')).toEqual({ toldOthers: true })
  })

  it('sends one line for each round trip', async () => {
    const lines: unknown[] = []
    const request = { peer: 'beta', count: 3, intervalMs: 10 }
    for await (const line of client().lines('/v1/ping', request)) lines.push(line)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatchObject({ sequence: 1, ok: true, reply: { rttMs: 2 } })
    expect(pings).toEqual(['beta', 'beta', 'beta'])
  })

  it('tells what happened, and goes on for whoever follows', async () => {
    expect(await client().get('/v1/events')).toEqual([happened(1)])
    for await (const entry of client().getLines('/v1/events?follow=1')) {
      expect(entry).toEqual(happened(1))
      break
    }
    await expect.poll(() => hungUp).toBe(true)
  })

  it('reloads, and says what changed', async () => {
    expect(await client().post('/v1/reload')).toEqual({ changed: ['relay'], restart: [] })
    await expect(client().get('/v1/reload')).rejects.toMatchObject({ code: 'wrong-method' })
  })

  it('stops measuring when the caller hangs up', async () => {
    const request = { peer: 'beta', count: 0, intervalMs: 10 }
    for await (const _ of client().lines('/v1/ping', request)) if (pings.length > 2) break
    const counted = async () => {
      const before = pings.length
      await client().get('/v1/plan')
      await client().get('/v1/plan')
      return pings.length - before
    }
    await expect.poll(counted, { timeout: 5_000, interval: 100 }).toBe(0)
  })

  it('refuses what it does not know, what is malformed and what is too large', async () => {
    await expect(client().get('/v1/nothing')).rejects.toMatchObject({ code: 'not-found' })
    await expect(client().post('/v1/ping', {})).rejects.toMatchObject({ code: 'bad-request' })
    await expect(client().get('/v1/why')).rejects.toMatchObject({ code: 'bad-request' })
    const stranger = { code: 'no-such-peer' }
    await expect(client().get('/v1/why?peer=nobody')).rejects.toMatchObject(stranger)
    const large = { peer: 'x'.repeat(100_000) }
    await expect(client().post('/v1/ping', large)).rejects.toMatchObject({ code: 'too-large' })
    expect(pings).toEqual([])
  })

  it('says what went wrong inside the agent, and goes on', async () => {
    await expect(client().post('/v1/stop')).rejects.toMatchObject({ message: 'cannot stop' })
    const both = client().post('/v1/stop', { helper: true })
    await expect(both).rejects.toMatchObject({ message: 'cannot stop both' })
    expect(await client().get('/v1/plan')).toEqual({ device: null })
  })

  it('survives bytes that are no request', async () => {
    const socket = createConnection(socketPath)
    socket.on('error', () => undefined)
    socket.resume().end(Buffer.alloc(5_000, 0xff))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(await client().get('/v1/plan')).toEqual({ device: null })
  })

  it('is not taken over by a second agent, but a dead one leaves it free', async () => {
    await expect(startLocalApi({ socketPath, api })).rejects.toMatchObject({
      code: 'already-running',
    })
    await server.close()
    writeFileSync(socketPath, '')
    server = await startLocalApi({ socketPath, api })
    expect(await client().get('/v1/plan')).toEqual({ device: null })
  })

  it('tells a caller without an agent how to start one', async () => {
    await server.close()
    await expect(client().get('/v1/plan')).rejects.toMatchObject({ code: 'no-agent' })
    server = await startLocalApi({ socketPath, api })
  })
})
