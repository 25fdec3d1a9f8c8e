// SPDX-License-Identifier: Apache-2.0
/**
 * `meshgate run` as root, in a network namespace of its own: what it starts, what it gives up, and
 * what it leaves behind. Needs the build.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const MESHGATE = join(import.meta.dirname, '../../bin/meshgate')
/** Its own network, and a resolver of its own: the machine's is nobody's to change. */
const ALONE = [
  'unshare',
  '--net',
  '--mount',
  'sh',
  '-c',
  'ip link set lo up && mount --bind /dev/null /etc/resolv.conf && exec "$@"',
  'sh',
]
const DEADLINE = { timeout: 15_000, interval: 50 }

describe('meshgate run as root', () => {
  let directory: string
  let options: string[]
  let agent: ChildProcess

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'meshgate-'))
    options = [`--state-dir=${directory}/state`, `--run-dir=${directory}/run`]
    execFileSync(MESHGATE, [...options, 'init', '--name', 'alpha'])
    agent = start(ALONE)
  })

  afterEach(async () => {
    if (agent.exitCode === null && agent.signalCode === null) {
      agent.kill('SIGTERM')
      await new Promise((resolve) => agent.once('exit', resolve))
    }
    const pid = helperPid()
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGTERM')
    rmSync(directory, { recursive: true, force: true })
  })

  function start(prefix: readonly string[]): ChildProcess {
    const [program, ...rest] = [...prefix, MESHGATE, ...options, 'run']
    return spawn(program, rest, { stdio: 'ignore' })
  }

  function helperPid(): number | undefined {
    const path = join(directory, 'run/helper.pid')
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined
  }

  function status(): { self?: { helper: { connected: boolean; restored?: boolean } } } {
    try {
      const quiet = ['pipe', 'pipe', 'ignore'] as ('pipe' | 'ignore')[]
      const text = execFileSync(MESHGATE, [...options, 'status', '--json'], { stdio: quiet })
      return JSON.parse(text.toString()) as { self: { helper: { connected: boolean } } }
    } catch {
      return {}
    }
  }

  const isConnected = () => status().self?.helper.connected

  it('holds no capability, and the helper only the two that it needs', async () => {
    await expect.poll(isConnected, DEADLINE).toBe(true)
    expect(capabilitiesOf(agent.pid!)).toEqual({ CapEff: 0n, CapBnd: 0n, NoNewPrivs: 1n })
    // CAP_NET_ADMIN is 12, CAP_NET_RAW is 13 (capabilities(7)).
    expect(capabilitiesOf(helperPid()!).CapEff! & ~((1n << 12n) | (1n << 13n))).toBe(0n)
  })

  it('leaves the helper and its device standing when it is killed, and finds them again', async () => {
    await expect.poll(isConnected, DEADLINE).toBe(true)
    const helper = helperPid()!
    agent.kill('SIGKILL')
    await new Promise((resolve) => agent.once('exit', resolve))
    expect(isAlive(helper)).toBe(true)
    expect(devicesOf(helper)).toContain('meshgate0')
    agent = start(['nsenter', '--target', String(helper), '--net'])
    await expect.poll(isConnected, DEADLINE).toBe(true)
    expect(helperPid()).toBe(helper)
  })

  it('starts a helper that dies again, which goes on by itself', async () => {
    await expect.poll(isConnected, DEADLINE).toBe(true)
    const supervisor = helperPid()!
    const child = () =>
      execFileSync('pgrep', ['-P', String(supervisor)])
        .toString()
        .trim()
    const first = child()
    process.kill(Number(first), 'SIGKILL')
    await expect
      .poll(() => status().self?.helper, DEADLINE)
      .toMatchObject({
        connected: true,
        restored: true,
      })
    expect(helperPid()).toBe(supervisor)
    expect(child()).not.toBe(first)
    expect(devicesOf(supervisor)).toContain('meshgate0')
  })

  it('ends with the agent alone, or with all, as it is told', async () => {
    await expect.poll(isConnected, DEADLINE).toBe(true)
    const helper = helperPid()!
    const ended = new Promise((resolve) => agent.once('exit', resolve))
    execFileSync(MESHGATE, [...options, 'agent', 'stop'])
    expect(await ended).toBe(0)
    expect(devicesOf(helper)).toContain('meshgate0')
    execFileSync(MESHGATE, [...options, 'stop'])
    await expect.poll(() => isAlive(helper), DEADLINE).toBe(false)
    expect(existsSync(join(directory, 'run/helper.sock'))).toBe(false)
  })

  it('takes all down when it is interrupted', async () => {
    await expect.poll(isConnected, DEADLINE).toBe(true)
    const helper = helperPid()!
    agent.kill('SIGINT')
    expect(await new Promise((resolve) => agent.once('exit', resolve))).toBe(0)
    await expect.poll(() => isAlive(helper), DEADLINE).toBe(false)
    expect(existsSync(join(directory, 'run/helper.sock'))).toBe(false)
  })
})

function capabilitiesOf(pid: number): Record<string, bigint> {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  const read = (key: string) =>
    BigInt(`0x${new RegExp(`^${key}:\\s*(\\w+)$`, 'm').exec(text)?.[1]}`)
  return { CapEff: read('CapEff'), CapBnd: read('CapBnd'), NoNewPrivs: read('NoNewPrivs') }
}

function devicesOf(pid: number): string {
  const args = ['--target', String(pid), '--net', 'ip', '-br', 'link']
  return execFileSync('nsenter', args).toString()
}

/** A process that has ended and that nobody has waited for does not count. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}
