// SPDX-License-Identifier: Apache-2.0
/** Whether hosts can be reached by TCP. Nothing is said to them: the handshake is all. */
import { createConnection } from 'node:net'
import type { TcpReport, TcpTarget } from '../core/netcheck.ts'

const TIMEOUT_MS = 2_000

/** Asks all at once. */
export function reachTcp(targets: readonly TcpTarget[]): Promise<TcpReport[]> {
  return Promise.all(targets.map(reachOne))
}

function reachOne({ name, host, port }: TcpTarget): Promise<TcpReport> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const startMs = performance.now()
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: TIMEOUT_MS })
    const end = (outcome: TcpReport['outcome']) => {
      const rttMs = outcome === 'connected' ? performance.now() - startMs : null
      socket.destroy()
      resolve({ name, address, outcome, rttMs })
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
