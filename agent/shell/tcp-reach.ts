// SPDX-License-Identifier: Apache-2.0
/** Whether hosts can be reached by TCP. Nothing is said to them: the handshake is all. */
import { createConnection } from 'node:net'
import type { TcpReport, TcpTarget } from '../core/netcheck.ts'

const TIMEOUT_MS = 2_000

/** Asks all at once. */
export function reachTcp(targets: readonly TcpTarget[]): Promise<TcpReport[]> {
  return Promise.all(
    targets.map(async ({ name, host, port }) => {
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      return { name, address, ...(await dialTcp(host, port, TIMEOUT_MS)) }
    }),
  )
}

/** Whether somebody accepts connections there. Never rejects. */
export function dialTcp(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<Pick<TcpReport, 'outcome' | 'rttMs'>> {
  const startMs = performance.now()
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: timeoutMs })
    const end = (outcome: TcpReport['outcome']) => {
      const rttMs = outcome === 'connected' ? performance.now() - startMs : null
      socket.destroy()
      resolve({ outcome, rttMs })
    }
    socket.on('connect', () => end('connected'))
    socket.on('timeout', () => end('no answer'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(outcomeOf(error.code)))
  })
}

const outcomes: Readonly<Record<string, TcpReport['outcome']>> = {
  ENOTFOUND: 'no such name',
  EAI_AGAIN: 'no such name',
  ENETUNREACH: 'no route',
  EHOSTUNREACH: 'no route',
  ETIMEDOUT: 'no answer',
}

function outcomeOf(code = ''): TcpReport['outcome'] {
  return outcomes[code] ?? 'refused'
}
