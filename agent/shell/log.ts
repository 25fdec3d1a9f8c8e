// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import pino, { type DestinationStream, type Logger } from 'pino'

export type Log = Logger

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Fields that must never reach a log, wherever they stand in an object. */
const SECRET_FIELDS = ['privateKey', 'presharedKey', 'probeKey', 'secret', 'seed', 'token', 'psk']

const REDACTED_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])

/**
 * One JSON object a line, for a journal; on a terminal one readable line each. Written in this
 * thread: pino's transports are workers, and a bundle does not find them.
 */
export function createLog(options: { level: LogLevel; stream?: NodeJS.WriteStream }): Log {
  const stream = options.stream ?? process.stdout
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: REDACTED_PATHS, censor: '[secret]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  }
  return pino(settings, stream.isTTY ? readable(stream) : stream)
}

function readable(stream: NodeJS.WriteStream): DestinationStream {
  return { write: (line: string) => void stream.write(`${readableLine(line)}\n`) }
}

/** `12:00:01 info  path up  peer=b rttMs=3` for one line of JSON. */
export function readableLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const colour = level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'dim'
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`)
  const head = `${String(time).slice(11, 19)} ${styleText(colour, String(level).padEnd(5))}`
  return [head, typeof msg === 'string' ? msg : '', styleText('dim', rest.join(' '))]
    .join(' ')
    .trimEnd()
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && !/[\s"=]/.test(value)) return value
  return JSON.stringify(value) ?? 'undefined'
}
