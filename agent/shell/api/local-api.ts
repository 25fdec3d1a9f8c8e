// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP and JSON on a Unix socket: what the command line and the dashboard ask a running agent.
 * Whoever may open the socket may ask; nothing listens on the network. Written on Node's own server:
 * a few fixed paths need no framework, and none comes without HTTP/2 and 13 MB of memory.
 */
import { rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AgentApi } from './agent-api.ts'
import { Failure } from '../failure.ts'
import { http } from './http-module.ts'
import { serve } from './serve.ts'
import { serveMetrics } from '../telemetry/metrics-server.ts'
import { socketAnswers } from '../socket-answers.ts'

const CONNECTIONS_MAX = 64
/** Owner and group may connect. */
const SOCKET_UMASK = 0o117

export interface LocalApiOptions {
  readonly socketPath: string
  readonly api: AgentApi
  /** On loopback; undefined: none. */
  readonly metricsPort?: number | undefined
}

export interface LocalApi {
  close(): Promise<void>
}

/** Throws Failure if another agent listens there already. */
export async function startLocalApi(options: LocalApiOptions): Promise<LocalApi> {
  const { socketPath, api, metricsPort } = options
  await refuseSecondAgent(socketPath)
  rmSync(socketPath, { force: true })
  const server = http.createServer((request, response) => void serve(api, request, response))
  server.maxConnections = CONNECTIONS_MAX
  await listenPrivately(server, socketPath)
  const servers = [server]
  if (metricsPort !== undefined) servers.push(await serveMetrics(api, metricsPort))
  return { close: () => Promise.all(servers.map(closed)).then(() => undefined) }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
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
