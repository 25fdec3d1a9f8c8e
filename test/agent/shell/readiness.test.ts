// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startReadiness } from '../../../agent/shell/readiness.ts'

describe('readiness', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function started(environment: NodeJS.ProcessEnv) {
    const said: string[] = []
    const notify = (args: readonly string[]) => void said.push(args.join(' '))
    return { said, readiness: startReadiness({ environment, status: () => '2 peers', notify }) }
  }

  it('is told with a line of status, and a sign of life comes twice in each watchdog time', () => {
    const { said, readiness } = started({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '10000000' })
    expect(said).toEqual(['--ready --status=2 peers'])
    vi.advanceTimersByTime(10_000)
    expect(said.slice(1)).toEqual(['--status=2 peers WATCHDOG=1', '--status=2 peers WATCHDOG=1'])
    readiness.stop()
    vi.advanceTimersByTime(60_000)
    expect(said.slice(3)).toEqual(['STOPPING=1'])
  })

  it('needs no watchdog', () => {
    const { said } = started({ NOTIFY_SOCKET: '/run/x' })
    vi.advanceTimersByTime(600_000)
    expect(said).toEqual(['--ready --status=2 peers'])
  })

  it('is silent where no manager asks', () => {
    const { said, readiness } = started({})
    readiness.stop()
    expect(said).toEqual([])
  })
})
