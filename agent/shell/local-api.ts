// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP and JSON on a Unix socket: what the command line and the dashboard ask a running agent.
 * Whoever may open the socket may ask; nothing listens on the network. Written on Node's own server:
 * a few fixed paths need no framework, and none comes without HTTP/2 and 13 MB of memory.
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { AgentApi } from './agent-api.ts'
import { delay } from './clock.ts'
import { Failure, failureDocument } from './failure.ts'
import { http } from './http-module.ts'
import { socketAnswers } from './socket-answers.ts'

const BODY_BYTES_MAX = 64 * 1024
const CONNECTIONS_MAX = 64
/** Owner and group may connect. */
const SOCKET_UMASK = 0o117

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
  const server = http.createServer((request, response) => void serve(api, request, response))
  server.maxConnections = CONNECTIONS_MAX
  await listenPrivately(server, socketPath)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
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

async function listenPrivately(server: Server, socketPath: string): Promise<void> {
  const umask = process.umask(SOCKET_UMASK)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(socketPath, resolve)
    })
  } finally {
    process.umask(umask)
  }
}

interface Call {
  readonly api: AgentApi
  readonly query: URLSearchParams
  readonly body: unknown
  /** Aborted when the caller hangs up. */
  readonly gone: AbortSignal
}

const DONE = {}

/** What each path answers: one document, or a document a line. */
const ROUTES: Readonly<Record<string, (call: Call) => Promise<unknown> | AsyncGenerator>> = {
  'GET /v1/status': ({ api }) => api.status(),
  'GET /v1/plan': ({ api }) => api.plan(),
  'GET /v1/netcheck': ({ api, query }) => api.netcheck({ refresh: query.get('refresh') === '1' }),
  'GET /v1/why': why,
  'GET /v1/events': ({ api, query, gone }) =>
    query.get('follow') === '1' ? api.followEvents(gone) : api.events(),
  'POST /v1/ping': ping,
  'POST /v1/leave': ({ api }) => api.leave().then(() => DONE),
  'POST /v1/stop': ({ api }) => api.stop().then(() => DONE),
}

async function serve(
  api: AgentApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const url = new URL(request.url ?? '/', 'http://agent')
    const route = ROUTES[`${request.method} ${url.pathname}`]
    if (route === undefined)
      throw new Failure('not-found', `no ${request.method} ${url.pathname}`, { remedy: '' })
    const body = await bodyOf(request)
    const answer = route({ api, query: url.searchParams, body, gone: gone.signal })
    if (!(Symbol.asyncIterator in answer)) return reply(response, 200, await answer)
    for await (const line of answer) {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/jsonl' })
      // Whoever reads slowly must not make us keep what they have not read.
      if (!response.write(`${JSON.stringify(line)}\n`))
        await once(response, 'drain', { signal: gone.signal })
    }
    response.end()
  } catch (error) {
    if (response.headersSent) response.destroy()
    else reply(response, statusOf(error), failureDocument(error))
  }
}

async function why({ api, query }: Call): Promise<unknown> {
  const peer = query.get('peer') ?? ''
  if (peer === '' || peer.length > 255) {
    throw new Failure('bad-request', 'which peer? write /v1/why?peer=NAME', { remedy: '' })
  }
  const answer = await api.why(peer)
  if (answer !== undefined) return answer
  const remedy = '`meshgate status` lists the members'
  throw new Failure('no-such-peer', `no member is called ${peer}`, { remedy })
}

const pingRequest = z.object({
  peer: z.string().min(1).max(255),
  /** 0: until the caller hangs up. */
  count: z.int().min(0).max(1_000_000).default(4),
  intervalMs: z.int().min(10).max(60_000).default(1_000),
})

async function* ping({ api, body, gone }: Call): AsyncGenerator {
  const request = pingRequest.safeParse(body)
  if (!request.success)
    throw new Failure('bad-request', z.prettifyError(request.error), { remedy: '' })
  const { peer, count, intervalMs } = request.data
  const last = count === 0 ? Number.POSITIVE_INFINITY : count
  for (let sequence = 1; sequence <= last && !gone.aborted; sequence++) {
    const startMs = performance.now()
    yield { sequence, ...(await api.ping(peer)) }
    if (sequence === last) return
    await delay(Math.max(0, startMs + intervalMs - performance.now()), gone)
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Failure('too-large', 'more than 64 KiB', { remedy: '' })
    chunks.push(chunk)
  }
  try {
    return bytes === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new Failure('bad-request', 'the body is not JSON', { remedy: '', cause: error })
  }
}

function reply(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(document))
}

function statusOf(error: unknown): number {
  switch (failureDocument(error).error.code) {
    case 'not-found':
    case 'no-such-peer':
      return 404
    case 'bad-request':
      return 400
    case 'too-large':
      return 413
    default:
      return 500
  }
}
