// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest'
import { Failure } from '../../../agent/shell/failure.ts'
import { createLog } from '../../../agent/shell/log.ts'
import { Reloading } from '../../../agent/shell/reloading.ts'
import { type Config, parseConfig } from '../../../agent/shell/state/config.ts'

function configOf(text: string): Config {
  const parsed = parseConfig(text)
  if (!parsed.ok) throw new Failure('bad-config', 'wrong', { remedy: '' })
  return parsed.value
}

function reloading(before: string) {
  let text = before
  const lines: string[] = []
  const stream = { isTTY: false, write: (line: string) => lines.push(line) }
  const log = createLog({ level: 'info', stream: stream as never })
  const onChange = vi.fn<(config: Config) => void>()
  const readConfig = () => configOf(text)
  const made = new Reloading({ config: configOf(before), readConfig, onChange, log })
  const write = (after: string) => {
    text = after
  }
  return { made, write, onChange, log, lines }
}

describe('a reload', () => {
  it('takes up what changed, and names what needs a restart', () => {
    const { made, write, onChange } = reloading('relay = true\n')
    write('relay = false\nlisten_port = 4000\n')
    expect(made.reload()).toEqual({ changed: ['listen_port', 'relay'], restart: ['listen_port'] })
    expect(onChange).toHaveBeenCalledOnce()
    expect(onChange.mock.lastCall?.[0].relay).toBe(false)
  })

  it('changes nothing if nothing changed, also the second time', () => {
    const { made, write, onChange } = reloading('')
    write('mtu = 1400\n')
    made.reload()
    expect(made.reload()).toEqual({ changed: [], restart: [] })
    expect(onChange).toHaveBeenCalledOnce()
  })

  it('changes nothing if anything in the file is wrong', () => {
    const { made, write, onChange, lines } = reloading('')
    write('relay = false\nmtu = 5\n')
    expect(() => made.reload()).toThrow('wrong')
    made.reloadBySignal()
    expect(onChange).not.toHaveBeenCalled()
    expect(lines.join('')).toContain('the configuration stays as it was')
    write('mtu = 1400\n')
    expect(made.reload().changed).toEqual(['mtu'])
  })

  it('changes how much is logged', () => {
    const { made, write, log } = reloading('')
    write('log_level = "debug"\n')
    made.reload()
    expect(log.level).toBe('debug')
  })
})
