// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../netns-lab/until.ts'

const demo = fileURLToPath(new URL('../../netns-lab/examples/demo.toml', import.meta.url))
const program = fileURLToPath(new URL('../../scripts/lab', import.meta.url))
const driver = fileURLToPath(new URL('./lab-driver.ts', import.meta.url))
const cli = fileURLToPath(new URL('../../netns-lab/cli.ts', import.meta.url))
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
const name = `cli-${process.pid}`
const directory = mkdtempSync(`${tmpdir()}/lab-cli-`)

function start(words: readonly string[], input = '') {
  const child = spawn(program, words, { env: { ...process.env, LAB_NAME: name } })
  child.stdin.end(input)
  return child
}

async function lab(words: readonly string[], input = '') {
  const child = start(words, input)
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  return { code, signal, stdout, stderr }
}

beforeAll(async () => {
  const { code, stdout, stderr } = await lab(['up', demo])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('3 hosts, 2 NATs, 5 links')
})
afterAll(async () => {
  await lab(['down'])
  rmSync(directory, { recursive: true })
})

describe('lab exec', () => {
  test('passes input, output and the exit code through', async () => {
    const { code, stdout, stderr } = await lab(
      ['exec', 'alice', '--', 'sh', '-c', 'cat; echo oops >&2; exit 7'],
      'hello',
    )
    expect({ code, stdout, stderr }).toEqual({ code: 7, stdout: 'hello', stderr: 'oops\n' })
  })

  test('leaves options after the host to the command', async () => {
    const { stdout } = await lab(['exec', 'bob', 'echo', '--name', '-n', '--', 'x'])
    expect(stdout).toBe('--name -n -- x\n')
  })

  test('hands signals to the command', async () => {
    const script = 'trap "echo told; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    const child = start(['exec', 'alice', '--', 'sh', '-c', script])
    const output = text(child.stdout)
    await once(child.stdout, 'readable')
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    expect(await output).toBe('ready\ntold\n')
    expect(code).toBe(9)
  })

  test('takes the command along when it is killed', async () => {
    const child = start(['exec', 'alice', '--', 'sh', '-c', 'echo ready; exec sleep 4242'])
    await once(child.stdout, 'readable')
    child.kill('SIGKILL')
    await until(
      async () => !(await lab(['exec', 'alice', '--', 'ps', 'ax'])).stdout.includes('sleep 4242'),
      { deadlineMs: 5000, what: 'the command is gone' },
    )
  })

  test('names the hosts there are when it is given another', async () => {
    const { code, stderr } = await lab(['exec', 'carol', 'true'])
    expect(code).toBe(1)
    expect(stderr).toContain('hub, alice, bob')
  })
})

describe('lab set and status', () => {
  test('show a change to people and to programs', async () => {
    expect(await lab(['set', 'alice', 'delay=40ms', 'out.loss=5'])).toMatchObject({ code: 0 })
    expect(await lab(['set', 'home-b', 'kind=symmetric', 'reboot'])).toMatchObject({ code: 0 })
    const people = await lab(['status'])
    expect(people.stdout).toMatch(/home-b .* symmetric/)
    expect(people.stdout).toContain('out: delayMs=40 lossPercent=5')
    const { stdout } = await lab(['status', '--json'])
    const { nats } = JSON.parse(stdout) as { nats: { name: string; kind: string }[] }
    expect(nats.find((nat) => nat.name === 'home-b')?.kind).toBe('symmetric')
  })

  test('name every fault of the settings at once', async () => {
    const { code, stderr } = await lab(['set', 'alice', 'speed=1', 'delay=soon', 'up.loss=1'])
    expect(code).toBe(2)
    for (const word of ['speed', 'delay=soon', 'up.loss']) expect(stderr).toContain(word)
  })
})

test('lab capture prints packets until it is interrupted', async () => {
  const child = start(['capture', 'hub', '--filter', 'icmp'])
  const output = text(child.stdout)
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()))
  await until(() => words.includes('listening on'), { deadlineMs: 5000, what: 'tcpdump listens' })
  await lab(['exec', 'bob', '--', 'ping', '-c', '1', 'hub'])
  child.kill('SIGINT')
  expect(await output).toContain('ICMP echo request')
})

describe('lab up', () => {
  test('names every fault of a description at once and makes nothing', async () => {
    const file = `${directory}/faulty.toml`
    writeFileSync(
      file,
      '[hosts.alice]\nbehind = "nowhere"\ncolour = "red"\nlink = { delayMs = -1 }\n[nats.home]\nkind = "round"\n',
    )
    const { code, stderr } = await lab(['up', file, '--name', `${name}-faulty`])
    expect(code).toBe(2)
    for (const word of ['hosts.alice.colour', 'hosts.alice.link.delayMs = -1', 'nats.home.kind']) {
      expect(stderr).toContain(word)
    }
    expect(existsSync(`/run/lab/${name}-faulty`)).toBe(false)
  })

  test('refuses a name that is taken and says what to do', async () => {
    const { code, stderr } = await lab(['up', demo])
    expect(code).toBe(1)
    expect(stderr).toContain(`lab down --name ${name}`)
  })

  test('tells why a service does not come up, and leaves nothing', async () => {
    const file = `${directory}/service.toml`
    writeFileSync(
      file,
      '[hosts.a]\n[services.bad]\nkind = "command"\non = "a"\nrun = ["sh", "-c", "echo no luck; exit 3"]\nready = { tcp = 1 }\n',
    )
    const { code, stderr } = await lab(['up', file, '--name', `${name}-bad`])
    expect(code).toBe(1)
    expect(stderr).toContain('no luck')
    expect(existsSync(`/run/lab/${name}-bad`)).toBe(false)
  })
})

describe('without root', () => {
  // Without a PATH there is no sudo to ask.
  const asNobody = ['--reuid', '65534', '--clear-groups', '--', 'env', 'PATH=/nowhere', node]
  test.each([
    ['the command', cli, 'status'],
    ['a test that starts a lab', driver, demo],
  ])('%s says that it needs root', async (_, file, word) => {
    const child = spawn('setpriv', [...asNobody, file, word])
    const [words, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ])
    expect(words).toContain('needs root: run it as root or with sudo')
    expect(code).toBe(1)
  })
})

test('lab --help shows examples', async () => {
  const { code, stdout } = await lab(['--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('lab exec alice -- ping')
})
