// SPDX-License-Identifier: Apache-2.0
/** One request to a collector's OTLP port. */
import type { IncomingMessage, RequestOptions } from 'node:http'
import { http } from '../api/http-module.ts'
import type { PostOutcome } from './trace-exporter.ts'

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 16 * 1024
/** By the specification; every other status is an answer for good. */
const WORTH_A_RETRY: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** `endpoint` is the base, as in OTEL_EXPORTER_OTLP_ENDPOINT: http://127.0.0.1:4318. Never rejects. */
export function postTraces(endpoint: string, request: object): Promise<PostOutcome> {
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/v1/traces`)
  const body = JSON.stringify(request)
  const options: RequestOptions = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }
  return new Promise((resolve) => {
    const later = (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'later', reason: `${url.host}: ${error.code ?? error.message}` })
    // Asked for in this way for the reason of http-module.ts.
    const from = url.protocol === 'https:' ? process.getBuiltinModule('node:https') : http
    const call = from.request(url, options)
    call.once('error', later)
    call.once('response', (response) => {
      answerOf(response).then((text) => resolve(outcomeOf(response.statusCode ?? 0, text)), later)
    })
    call.end(body)
  })
}

async function answerOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > ANSWER_BYTES_MAX) break
  }
  return text
}

function outcomeOf(status: number, text: string): PostOutcome {
  if (WORTH_A_RETRY.has(status)) return { kind: 'later', reason: `status ${status}` }
  if (status !== 200) return { kind: 'never', reason: `status ${status}` }
  const rejected = rejectedSpans(text)
  return rejected === undefined ? { kind: 'taken' } : { kind: 'never', reason: rejected }
}

/** A collector that takes some spans and not others says so; what it says is not to be sent again. */
function rejectedSpans(text: string): string | undefined {
  try {
    const { partialSuccess } = JSON.parse(text) as {
      partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown }
    }
    const count = Number(partialSuccess?.rejectedSpans ?? 0)
    if (!(count > 0)) return undefined
    const message = partialSuccess?.errorMessage
    const why = typeof message === 'string' ? message.slice(0, 200) : 'no reason given'
    return `${count} spans rejected: ${why}`
  } catch {
    return undefined
  }
}
