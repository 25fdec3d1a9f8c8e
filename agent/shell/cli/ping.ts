// SPDX-License-Identifier: Apache-2.0
import type { PingOutcome } from '../api/agent-api.ts'
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import type { CommandContext } from './context.ts'
import { parseCount } from './option-values.ts'
import { describePath, roundTripText } from './status.ts'

interface PingOptions {
  readonly count: string
  readonly interval: string
}

type PingLine = PingOutcome & { readonly sequence: number }

/** `meshgate ping`: one line a round trip; 1 if none came back. */
export async function ping(
  context: CommandContext,
  options: PingOptions,
  peer: string,
): Promise<number> {
  const count = parseCount('--count', options.count, 0, 1_000_000)
  const intervalMs = parseCount('--interval', options.interval, 10, 60_000)
  const lines = new ApiClient(context.runDir).lines<PingLine>('/v1/ping', {
    peer,
    count,
    intervalMs,
  })
  let answered = 0
  let lastPath: string | undefined
  for await (const line of lines) {
    if (!line.ok && line.fault === 'no-such-peer')
      throw new Failure(line.fault, line.message, { remedy: '`meshgate peers` lists them' })
    const path = line.ok ? describePath(line.reply.path) : undefined
    if (context.json) process.stdout.write(`${JSON.stringify(line)}\n`)
    else process.stdout.write(`${pingText(line, peer, lastPath)}\n`)
    if (line.ok) answered++
    lastPath = path ?? lastPath
  }
  return answered > 0 ? 0 : 1
}

/** `lastPath`: what the answer before this one came over, if there was one. */
export function pingText(line: PingLine, peer: string, lastPath: string | undefined): string {
  if (!line.ok) return `${line.sequence}: ${line.message}`
  const path = describePath(line.reply.path)
  const changed =
    lastPath !== undefined && path !== lastPath ? ` (path changed, was ${lastPath})` : ''
  return `${line.sequence}: ${peer} answers in ${roundTripText(line.reply.rttMs)}, ${path}${changed}`
}
