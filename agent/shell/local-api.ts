// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP and JSON on a Unix socket: what the command line and the dashboard ask a running agent.
 * Whoever may open the socket may ask; nothing listens on the network.
 */
import { rmSync } from 'node:fs'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { stream } from 'hono/streaming'
import { z } from 'zod'
import type { AgentApi } from './agent-api.ts'
import { delay } from './clock.ts'
import { Failure, failureDocument } from './failure.ts'
import { socketAnswers } from './socket-answers.ts'

const BODY_BYTES_MAX = 64 * 1024
/** Owner and group may connect. */
const SOCKET_UMASK = 0o117

const pingRequest = z.object({
  peer: z.string().min(1).max(255),
  /** 0: until the caller hangs up. */
  count: z.int().min(0).max(1_000_000).default(4),
  intervalMs: z.int().min(10).max(60_000).default(1_000),
})

export interface LocalApiOptions {
  readonly socketPath: string
  readonly api: AgentApi
}

export interface LocalApi {
  close(): Promise<void>
}

/** Throws Failure if another agent listens there already. */
export async function startLocalApi({ socketPath, api }: LocalApiOptions): Promise<LocalApi> {
  await refuseSecondAgent(socketPath)
  rmSync(socketPath, { force: true })
  const server = createAdaptorServer({ fetch: routes(api).fetch })
  const umask = process.umask(SOCKET_UMASK)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(socketPath, resolve)
    })
  } finally {
    process.umask(umask)
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
  }
}

/** Throws Failure if an agent listens there. */
export async function refuseSecondAgent(socketPath: string): Promise<void> {
  if (!(await socketAnswers(socketPath))) return
  throw new Failure('already-running', `an agent already answers on ${socketPath}`, {
    remedy: 'stop it first, or give this one another --run-dir',
  })
}

function routes(api: AgentApi): Hono {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: BODY_BYTES_MAX }))
  app.get('/v1/status', async (c) => c.json(await api.status()))
  app.get('/v1/plan', async (c) => c.json((await api.plan()) as object))
  app.get('/v1/netcheck', async (c) =>
    c.json(await api.netcheck({ refresh: c.req.query('refresh') === '1' })),
  )
  app.get('/v1/events', async (c) => c.json(await api.events()))
  app.post('/v1/leave', async (c) => {
    await api.leave()
    return c.json({})
  })
  app.post('/v1/stop', async (c) => {
    await api.stop()
    return c.json({})
  })
  app.post('/v1/ping', async (c) => {
    const request = pingRequest.safeParse(await c.req.json().catch(() => undefined))
    if (!request.success) {
      const message = z.prettifyError(request.error)
      return c.json(failureDocument(new Failure('bad-request', message, { remedy: '' })), 400)
    }
    c.header('content-type', 'application/jsonl')
    return stream(c, async (out) => {
      const gone = new AbortController()
      out.onAbort(() => gone.abort())
      const { peer, count, intervalMs } = request.data
      const last = count === 0 ? Number.POSITIVE_INFINITY : count
      for (let sequence = 1; sequence <= last; sequence++) {
        const startMs = performance.now()
        await out.write(`${JSON.stringify({ sequence, ...(await api.ping(peer)) })}\n`)
        if (sequence === last) return
        await delay(Math.max(0, startMs + intervalMs - performance.now()), gone.signal)
        if (gone.signal.aborted) return
      }
    })
  })
  app.notFound((c) => c.json(failureDocument({ code: 'not-found', message: 'no such path' }), 404))
  app.onError((error, c) => c.json(failureDocument(error), 500))
  return app
}
