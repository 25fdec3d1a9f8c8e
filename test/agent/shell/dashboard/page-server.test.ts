// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AgentApi } from '../../../../agent/shell/api/agent-api.ts'
import { PageServer } from '../../../../agent/shell/dashboard/page-server.ts'

/** The page's port over a real socket; the agent behind it only counts what reaches it. */
let files: string
let server: PageServer
let drains: boolean[]

beforeEach(async () => {
  files = mkdtempSync(join(tmpdir(), 'meshgate-page-'))
  writeFileSync(join(files, 'index.html'), '<!doctype html>')
  drains = []
  const api = {
    status: async () => ({ self: { name: 'hub' }, peers: [] }),
    drain: async (draining: boolean) => {
      drains.push(draining)
      return { relays: true, prefixes: [], draining, users: [], frames: 0 }
    },
  } as unknown as AgentApi
  server = await PageServer.start({ api, port: 0, files })
})

afterEach(async () => {
  await server.close()
  rmSync(files, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly code: string | undefined
}

/** `body` goes out piece by piece, so that a port that hangs up in between is seen as it is. */
function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): Promise<Answer> {
  const host = `127.0.0.1:${server.port}`
  return new Promise((resolve, reject) => {
    let answered = false
    const call = httpRequest(
      { port: server.port, host: '127.0.0.1', method, path, headers: { host, ...headers } },
      (response) => {
        answered = true
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('end', () => {
          const { statusCode: status = 0, headers: given } = response
          const isJson = given['content-type']?.includes('json') === true
          const told = isJson ? (JSON.parse(text) as { error?: { code: string } }) : {}
          resolve({ status, headers: given, code: told.error?.code })
        })
      },
    )
    // Who is refused while still sending is cut off after the answer.
    call.on('error', (error) => answered || reject(error))
    call.end(body)
  })
}

const origin = () => ({ origin: `http://127.0.0.1:${server.port}` })

const logIn = (link: string) => ask('POST', '/login', origin(), JSON.stringify({ link }))

const freshLink = () => server.link().url.split('#login=')[1]!

/** The cookie of a new session. */
async function session(): Promise<{ cookie: string }> {
  const { headers } = await logIn(freshLink())
  return { cookie: headers['set-cookie']![0]!.split(';')[0]! }
}

const DRAIN = '{"draining":true}'

test('a link opens one session, and the second who uses it gets none', async () => {
  const link = freshLink()
  const first = await logIn(link)
  expect(first.status).toBe(200)
  expect(first.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
  const second = await logIn(link)
  expect(second).toMatchObject({ status: 403, code: 'not-permitted' })
  expect(second.headers['set-cookie']).toBeUndefined()
})

test.each(['', 'no such link', '0'.repeat(64)])('"%s" is no link', async (link) => {
  expect(await logIn(link)).toMatchObject({ status: 403, code: 'not-permitted' })
})

test('a session may ask and change, and nobody else may', async () => {
  const cookie = await session()
  expect((await ask('GET', '/v1/status', cookie)).status).toBe(200)
  expect((await ask('POST', '/v1/drain', { ...cookie, ...origin() }, DRAIN)).status).toBe(200)
  expect(drains).toEqual([true])
  expect(await ask('GET', '/v1/status')).toMatchObject({ status: 401, code: 'logged-out' })
  expect((await ask('POST', '/v1/drain', origin(), DRAIN)).status).toBe(401)
  expect(drains).toEqual([true])
})

test('a secret that is no session any more opens nothing', async () => {
  const cookie = await session()
  expect((await ask('POST', '/logout', { ...cookie, ...origin() })).status).toBe(200)
  expect(await ask('GET', '/v1/status', cookie)).toMatchObject({ status: 401, code: 'logged-out' })
  const changed = await ask('POST', '/v1/drain', { ...cookie, ...origin() }, DRAIN)
  expect(changed).toMatchObject({ status: 401, code: 'logged-out' })
  expect(drains).toEqual([])
})

test.each([
  ['from another origin', { origin: 'http://evil.example' }],
  ['without an origin', {}],
  ['under another name', { host: 'evil.example' }],
  ['that its browser calls cross-site', { 'sec-fetch-site': 'cross-site' }],
])('a change %s is refused although the cookie is right', async (_, headers) => {
  const cookie = await session()
  const own = 'origin' in headers || Object.keys(headers).length === 0 ? {} : origin()
  const answer = await ask('POST', '/v1/drain', { ...cookie, ...own, ...headers }, DRAIN)
  expect(answer).toMatchObject({ status: 403, code: 'not-permitted' })
  expect(drains).toEqual([])
})

test('10 MB are refused by their length alone, and the next one is served', async () => {
  const cookie = await session()
  const large = Buffer.alloc(10 * 1024 * 1024, ' ')
  const headers = { ...cookie, ...origin(), 'content-length': String(large.length) }
  const answer = await ask('POST', '/v1/drain', headers, large)
  expect(answer).toMatchObject({ status: 413, code: 'too-large' })
  expect(drains).toEqual([])
  expect((await ask('GET', '/v1/status', cookie)).status).toBe(200)
})

test.each([
  { bytes: 10 * 1024 * 1024, told: 413, continues: false },
  { bytes: 18, told: 200, continues: true },
])('who asks before sending $bytes bytes is answered $told', async ({ bytes, told, continues }) => {
  const headers = { ...(await session()), ...origin(), expect: '100-continue' }
  const call = httpRequest({
    port: server.port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/v1/drain',
    headers: { ...headers, 'content-length': bytes },
  })
  let isToldToGoOn = false
  call.on('continue', () => {
    isToldToGoOn = true
    call.end('{"draining": true}')
  })
  call.flushHeaders()
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  call.destroy()
  expect(answer.statusCode).toBe(told)
  expect(isToldToGoOn).toBe(continues)
})

test('10 MB without a length are refused as soon as they are too many', async () => {
  const cookie = await session()
  const headers = { ...cookie, ...origin(), 'transfer-encoding': 'chunked' }
  const answer = await ask('POST', '/v1/drain', headers, Buffer.alloc(10 * 1024 * 1024, ' '))
  expect(answer).toMatchObject({ status: 413, code: 'too-large' })
  expect(drains).toEqual([])
})

test('what would end the agent is not there', async () => {
  const cookie = await session()
  for (const path of ['/v1/stop', '/v1/leave', '/v1/rotate'])
    expect((await ask('POST', path, { ...cookie, ...origin() }, '{}')).status).toBe(404)
})

test('the page itself is for everybody, and lets nothing else load or frame it', async () => {
  const { status, headers } = await ask('GET', '/')
  expect(status).toBe(200)
  expect(headers['content-security-policy']).toContain("default-src 'none'")
  expect(headers['x-frame-options']).toBe('DENY')
})
