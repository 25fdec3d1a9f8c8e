// SPDX-License-Identifier: Apache-2.0
/** The metrics over TCP on loopback, for a Prometheus that cannot open a Unix socket. Nothing else is served there. */
import type { Server } from 'node:http'
import type { AgentApi } from '../api/agent-api.ts'
import { http } from '../api/http-module.ts'
import { Failure } from '../failure.ts'

const CONNECTIONS_MAX = 8

/** Throws Failure if the port is taken. */
export async function serveMetrics(api: Pick<AgentApi, 'metrics'>, port: number): Promise<Server> {
  const server = http.createServer((request, response) => {
    request.resume()
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    void api.metrics().then((text) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      response.end(text)
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `no metrics on 127.0.0.1:${port}: ${error.code ?? error.message}`
      const remedy = 'choose another metrics_port in the configuration, or leave it out'
      reject(new Failure('port-taken', message, { remedy, cause: error }))
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}
