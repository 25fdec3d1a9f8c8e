// SPDX-License-Identifier: Apache-2.0
/** One HTTP request against the routes: bounded, checked, answered in JSON, whoever listens. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure, failureDocument } from '../failure.ts'
import type { AgentApi } from './agent-api.ts'
import { openApi } from './openapi.ts'
import { type Call, checkGiven, type Route } from './route.ts'
import { ROUTES } from './routes.ts'

const BODY_BYTES_MAX = 64 * 1024
const DESCRIPTION_PATH = '/v1/openapi.json'

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  'not-found': 404,
  'no-such-peer': 404,
  'no-such-token': 404,
  'no-such-node': 404,
  'bad-request': 400,
  'bad-config': 400,
  usage: 400,
  'logged-out': 401,
  'not-permitted': 403,
  'page-off': 409,
  'wrong-method': 405,
  'no-authority': 409,
  'ambiguous-node': 409,
  'ambiguous-token': 409,
  'name-taken': 409,
  'holds-the-authority': 409,
  'is-alive': 409,
  'too-large': 413,
}

/** Answers every request, also those that are none. */
export async function serve(
  api: AgentApi,
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly Route[] = ROUTES,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const url = new URL(request.url ?? '/', 'http://agent')
    if (url.pathname === DESCRIPTION_PATH) return reply(response, 200, openApi())
    const route = routeOf(routes, request.method ?? '', url.pathname)
    const body = await bodyOf(request)
    const value = route.method === 'GET' ? Object.fromEntries(url.searchParams) : body
    const given = checkGiven(route, value)
    const call = { api, given, gone: gone.signal }
    await respond(response, route, call)
  } catch (error) {
    if (response.headersSent) response.destroy()
    else refuse(response, error)
  }
}

export function refuse(response: ServerResponse, error: unknown): void {
  const document = failureDocument(error)
  reply(response, STATUS_OF_CODE[document.error.code] ?? 500, document)
}

function routeOf(routes: readonly Route[], method: string, path: string): Route {
  const here = routes.filter((route) => route.path === path)
  const found = here.find((route) => route.method === method)
  if (found !== undefined) return found
  const remedy = `GET ${DESCRIPTION_PATH} describes what there is`
  if (here.length === 0) throw new Failure('not-found', `no ${method} ${path}`, { remedy })
  const methods = here.map((route) => route.method).join(', ')
  throw new Failure('wrong-method', `${path} takes ${methods}, not ${method}`, { remedy })
}

async function respond(
  response: ServerResponse,
  { answer: kind, act }: Route,
  call: Call<unknown>,
): Promise<void> {
  const answer = act(call)
  if (!(Symbol.asyncIterator in answer)) {
    const document = await answer
    if (kind === 'json') return reply(response, 200, document)
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(document)
    return
  }
  // At once, also if the first line takes its time: the caller sees that it was heard.
  response.writeHead(200, { 'content-type': 'application/jsonl' }).flushHeaders()
  for await (const line of answer) {
    // Whoever reads slowly must not make us keep what they have not read.
    if (!response.write(`${JSON.stringify(line)}\n`))
      await once(response, 'drain', { signal: call.gone })
  }
  response.end()
}

export async function bodyOf(request: IncomingMessage): Promise<unknown> {
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

export function reply(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(document))
}
