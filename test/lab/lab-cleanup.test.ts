// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { until } from '../../netns-lab/until.ts'

const demo = fileURLToPath(new URL('../../netns-lab/examples/demo.toml', import.meta.url))
const labCommand = fileURLToPath(new URL('../../scripts/lab', import.meta.url))
const driver = fileURLToPath(new URL('./lab-driver.ts', import.meta.url))
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))

/** What a lab is made of, as the machine sees it. */
interface Footprint {
  readonly stateDir: string
  readonly pids: readonly number[]
  readonly namespaces: readonly string[]
}

function footprint(stateDir: string, holders: readonly number[]): Footprint {
  const lab = new Set(holders.map((pid) => readlinkSync(`/proc/${pid}/ns/pid`)))
  const pids = allPids().filter((pid) => lab.has(namespaceOf(pid, 'pid') ?? ''))
  const namespaces = pids.flatMap((pid) => namespaceOf(pid, 'net') ?? [])
  return { stateDir, pids, namespaces: [...new Set(namespaces)] }
}

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

function namespaceOf(pid: number, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}

async function expectGone({ stateDir, pids, namespaces }: Footprint): Promise<void> {
  expect(pids.length).toBeGreaterThan(6)
  expect(namespaces.length).toBeGreaterThan(5)
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), {
    deadlineMs: 5000,
    what: 'every process of the lab is gone',
  })
  const left = new Set(allPids().map((pid) => namespaceOf(pid, 'net')))
  expect(namespaces.filter((namespace) => left.has(namespace))).toEqual([])
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(stateDir)
  await until(() => !existsSync(stateDir), {
    deadlineMs: 5000,
    what: 'the state directory is gone',
  })
}

const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length
const mountsBefore = mounts()
const interfaces = () => readdirSync('/sys/class/net').toSorted()
const before = interfaces()
const labs: Lab[] = []
afterAll(async () => {
  await Promise.all(labs.map(async (lab) => lab.stop()))
})

/** A test process of its own that holds a lab and can be killed. */
async function startDriver() {
  const child = spawn(node, [driver, demo], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { stateDir, holders } = JSON.parse(line) as { stateDir: string; holders: number[] }
  return { child, made: footprint(stateDir, holders) }
}

/** Stays at coming up, because nothing ever listens. */
const neverReady = `
[hosts.alice]
[services.slow]
kind = "command"
on = "alice"
run = ["sleep", "1000"]
ready = { tcp = 1 }
`

test('a lab that dies before it is up tells its last words', async () => {
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = '--no-such-option'
  try {
    await expect(startLab(demo)).rejects.toThrow(/while coming up\n[^]*--no-such-option/)
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
})

describe('a lab leaves nothing behind', () => {
  test('when it is stopped', async () => {
    const lab = await startLab(demo)
    lab.host('alice').spawn(['sleep', '1000'])
    const made = footprint(lab.stateDir, [lab.host('hub').outerPid])
    await lab.stop()
    await expectGone(made)
    expect(interfaces()).toEqual(before)
    expect(mounts()).toBe(mountsBefore)
  })

  test('when its driver is killed', async () => {
    const { child, made } = await startDriver()
    child.kill('SIGKILL')
    await expectGone(made)
    expect(interfaces()).toEqual(before)
  })

  test('when its daemon is killed', async () => {
    const { child, made } = await startDriver()
    const daemon = made.pids.find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${node}\0`),
    )
    process.kill(daemon ?? 0, 'SIGKILL')
    await expectGone(made)
    child.kill('SIGKILL')
  })

  test('when Ctrl-C comes while it is brought up', async () => {
    const name = `interrupted-${process.pid}`
    const stateDir = `/run/lab/${name}`
    const file = `${mkdtempSync(`${tmpdir()}/lab-`)}/slow.toml`
    writeFileSync(file, neverReady)
    const child = spawn(labCommand, ['up', file, '--name', name], { stdio: 'ignore' })
    const ended = once(child, 'exit') as Promise<[number | null]>
    await until(() => existsSync(`${stateDir}/hosts/alice/slow.log`), {
      deadlineMs: 10_000,
      what: 'the lab has begun',
    })
    child.kill('SIGINT')
    const [code] = await ended
    rmSync(dirname(file), { recursive: true })
    expect(code).toBe(130)
    expect(existsSync(stateDir)).toBe(false)
    const left = allPids().filter((pid) => commandLine(pid).includes(stateDir))
    expect(left).toEqual([])
  })
})

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

describe('two labs of equal names', () => {
  test('share no address, no file in /run and no process', async () => {
    const [one, two] = await Promise.all([startLab(demo), startLab(demo)])
    labs.push(one, two)
    await one.host('alice').run(['sh', '-c', 'echo one >/run/mark'])
    expect((await two.host('alice').exec(['cat', '/run/mark'])).code).not.toBe(0)
    await one.host('hub').run(['ip', 'addr', 'add', '203.0.113.99/32', 'dev', 'eth0'])
    expect(await two.host('hub').run(['ip', 'addr'])).not.toContain('203.0.113.99')
    await one.stop()
    await two.host('alice').run(['ping', '-c', '1', '-W', '2', 'hub'])
  })

  test('of which a host sees its own name, /run and loopback only', async () => {
    const lab = await startLab(demo)
    labs.push(lab)
    const [alice, bob] = [lab.host('alice'), lab.host('bob')]
    expect((await alice.run(['hostname'])).trim()).toBe('alice')
    await alice.run(['sh', '-c', 'mkdir /run/wireguard; echo state >$LAB_STATE_DIR/file'])
    expect((await bob.exec(['test', '-e', '/run/wireguard'])).code).toBe(1)
    expect((await bob.exec(['test', '-e', alice.stateDir])).code).toBe(1)
    expect(readFileSync(`${alice.stateDir}/file`, 'utf8')).toBe('state\n')
    expect((await alice.run(['ls', '/sys/class/net'])).trim().split('\n')).toEqual(['eth0', 'lo'])
    await alice.run(['ping', '-c', '1', '127.0.0.1'])
  })
})
