// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createLog, readableLine } from '../../../agent/shell/log.ts'

describe('the log', () => {
  function linesOf(write: (log: ReturnType<typeof createLog>) => void): string[] {
    const stream = new PassThrough()
    write(createLog({ level: 'info', stream: stream as never }))
    return String(stream.read() ?? '')
      .trim()
      .split('\n')
  }

  it('writes one JSON object a line, with the level as a word', () => {
    const [line] = linesOf((log) => log.info({ peer: 'beta' }, 'path up'))
    expect(JSON.parse(line!)).toMatchObject({ level: 'info', peer: 'beta', msg: 'path up' })
  })

  it('never shows a secret, however deep it stands', () => {
    const lines = linesOf((log) => {
      log.info({ privateKey: 'hidden-1' }, 'a')
      log.info({ device: { privateKey: 'hidden-2', probeKey: 'hidden-3' } }, 'b')
      log.info({ a: { b: { presharedKey: 'hidden-4', token: 'hidden-5', seed: 'hidden-6' } } }, 'c')
    })
    expect(lines.join()).not.toContain('hidden')
    expect(lines).toHaveLength(3)
  })

  it('leaves out what is below its level', () => {
    expect(linesOf((log) => log.debug('quiet'))).toEqual([''])
  })

  it('is readable on a terminal', () => {
    const line = readableLine(
      '{"level":"warn","time":"2026-01-01T12:00:01.000Z","peer":"beta","why":"two words","msg":"path down"}',
    )
    expect(stripVTControlCharacters(line)).toBe(
      '12:00:01 warn  path down peer=beta why="two words"',
    )
  })
})
