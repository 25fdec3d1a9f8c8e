// SPDX-License-Identifier: Apache-2.0
/**
 * The dashboard's port on loopback. It listens only once a person has asked for a link, and answers with nothing of
 * the mesh before that link was exchanged for a session. The page itself holds no secret.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AgentApi, PageLink } from '../api/agent-api.ts'
import { http } from '../api/http-module.ts'
import { bodyOf, refuse, reply, serve } from '../api/serve.ts'
import { ROUTES } from '../api/routes.ts'
import { readClock } from '../clock.ts'
import { secureRandom } from '../entropy.ts'
import { Failure } from '../failure.ts'
import {
  cookieName,
  headFault,
  type HeadFault,
  isFromElsewhere,
  SECURITY_HEADERS,
  sessionOf,
} from './page-request.ts'
import { LINK_LIFETIME_MS, PageSessions } from './page-sessions.ts'

const CONNECTIONS_MAX = 32
/** For the answer to reach a sender that is still busy sending. */
const HANG_UP_MS = 1_000

const PAGE_ROUTES = ROUTES.filter(({ page }) => page)

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/app-style.css': ['app-style.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
}

const HEAD_FAULTS: Readonly<Record<HeadFault, readonly [code: string, message: string]>> = {
  'wrong-host': ['not-permitted', 'this port answers to 127.0.0.1 and localhost only'],
  'wrong-origin': ['not-permitted', 'another page asked for this'],
  'too-large': ['too-large', 'more than 64 KiB'],
}

export interface PageServerOptions {
  readonly api: AgentApi
  /** 0: any that is free. */
  readonly port: number
  /** The folder with the page, as the build leaves it. */
  readonly files: string | URL
}

export class PageServer {
  readonly #options: PageServerOptions
  readonly #sessions = new PageSessions({
    randomBytes: secureRandom,
    now: () => readClock().instant,
  })
  readonly #server: Server

  /** Throws Failure if the port is taken. */
  static async start(options: PageServerOptions): Promise<PageServer> {
    const server = new PageServer(options)
    await server.#listen()
    return server
  }

  private constructor(options: PageServerOptions) {
    this.#options = options
    const take: RequestListener = (request, response) => {
      this.#answer(request, response).catch((error: unknown) => refuse(response, error))
    }
    // Who asks before sending a large body (RFC 9110 section 10.1.1) is told no by the headers, and sends none.
    this.#server = http.createServer(take).on('checkContinue', take)
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** The secret stands behind the #: it reaches neither a log nor another site, and no preview uses it up. */
  link(): PageLink {
    const url = `http://127.0.0.1:${this.port}/#login=${this.#sessions.issueLink()}`
    return { url, validS: LINK_LIFETIME_MS / 1_000 }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
    const { method = '', url = '/', headers } = request
    const fault = headFault({ method, headers }, this.port)
    if (fault !== undefined) return turnAway(request, response, fault)
    const { pathname } = new URL(url, 'http://page')
    const file = FILES[pathname]
    if (file !== undefined && method === 'GET') return this.#file(response, file)
    if (isFromElsewhere({ method, headers })) return turnAway(request, response, 'wrong-origin')
    if (headers.expect !== undefined) response.writeContinue()
    if (pathname === '/login' && method === 'POST') return this.#logIn(request, response)
    const session = sessionOf(headers, this.port)
    if (session === undefined || !this.#sessions.admits(session)) throw loggedOut()
    if (pathname === '/logout' && method === 'POST') {
      this.#sessions.close(session)
      return reply(response, 200, {})
    }
    return serve(this.#options.api, request, response, PAGE_ROUTES)
  }

  #file(response: ServerResponse, [name, type]: readonly [string, string]): void {
    const base = this.#options.files
    const path = typeof base === 'string' ? `${base}/${name}` : new URL(name, base)
    response.writeHead(200, { 'content-type': type }).end(readFileSync(path))
  }

  async #logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await bodyOf(request)) as { link?: unknown } | undefined
    const session = typeof body?.link === 'string' ? this.#sessions.open(body.link) : undefined
    if (session === undefined)
      throw new Failure('not-permitted', 'this link was used already, or is too old', {
        remedy: 'get a new one with `meshgate dashboard`',
      })
    const cookie = `${cookieName(this.port)}=${session}; HttpOnly; SameSite=Strict; Path=/`
    response.setHeader('set-cookie', cookie)
    reply(response, 200, {})
  }

  #listen(): Promise<void> {
    const { port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const message = `no dashboard on 127.0.0.1:${port}: ${error.code ?? error.message}`
        const remedy = 'choose another dashboard_port in the configuration, or leave it out'
        reject(new Failure('port-taken', message, { remedy, cause: error }))
      })
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }
}

function loggedOut(): Failure {
  return new Failure('logged-out', 'there is no session, or it has ended', {
    remedy: 'get a new link with `meshgate dashboard`',
  })
}

function turnAway(request: IncomingMessage, response: ServerResponse, fault: HeadFault): void {
  const [code, message] = HEAD_FAULTS[fault]
  response.setHeader('connection', 'close')
  refuse(response, new Failure(code, message, { remedy: '' }))
  request.resume()
  setTimeout(() => request.socket.destroy(), HANG_UP_MS).unref()
}
