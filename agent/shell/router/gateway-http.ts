// SPDX-License-Identifier: Apache-2.0
/** One HTTP exchange with a router: bounded in size and time, never redirected, never kept open. */
import { err, ok, type Result } from '../../../nat/result.ts'
import type { GatewayUrl } from '../../../nat/upnp-description.ts'
import { http } from '../api/http-module.ts'

const BODY_BYTES_MAX = 65_536
const HEADER_BYTES_MAX = 8_192
const TIMEOUT_MS = 3_000

export interface GatewayExchange {
  readonly host: string
  /** From which to ask: a router maps ports only for whoever asks. */
  readonly local: string
  readonly url: GatewayUrl
  /** With a body it is a POST, with these headers. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
}

export interface GatewayAnswer {
  readonly status: number
  readonly body: string
}

/** Never rejects. */
export function exchange({
  host,
  local,
  url,
  post,
}: GatewayExchange): Promise<Result<GatewayAnswer, 'unreachable'>> {
  const { promise, resolve } = Promise.withResolvers<Result<GatewayAnswer, 'unreachable'>>()
  const body = Buffer.from(post?.body ?? '')
  const request = http.request({
    host,
    localAddress: local,
    port: url.port,
    path: url.path,
    method: post === undefined ? 'GET' : 'POST',
    headers: {
      ...post?.headers,
      connection: 'close',
      ...(post === undefined ? {} : { 'content-length': body.length }),
    },
    agent: false,
    maxHeaderSize: HEADER_BYTES_MAX,
  })
  const end = (result: Result<GatewayAnswer, 'unreachable'>) => {
    clearTimeout(timer)
    resolve(result)
    request.destroy()
  }
  const fail = () => end(err('unreachable'))
  // For the whole exchange: a router that sends a byte a second would outlast any timeout between two.
  const timer = setTimeout(fail, TIMEOUT_MS)
  request.on('error', fail)
  request.on('upgrade', fail)
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    let length = 0
    response.on('error', fail)
    response.on('aborted', fail)
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > BODY_BYTES_MAX) fail()
      else chunks.push(chunk)
    })
    response.on('end', () => {
      end(ok({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }))
    })
  })
  request.end(body)
  return promise
}
