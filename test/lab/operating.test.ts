// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** What an operator touches while a network runs: configuration, doctor, report, status. */
let lab: Lab
let alice: Member

interface Finding {
  readonly check: string
  readonly verdict: string
  readonly found: string
}

/** All findings that are not good, also if the command ends with 1 because of them. */
async function troubles(member: Member): Promise<Finding[]> {
  const { stdout } = await member.try(['--json', 'doctor'])
  return (JSON.parse(stdout) as Finding[]).filter(({ verdict }) => verdict !== 'good')
}

async function finds(member: Member, check: string, found: string): Promise<void> {
  await member.host.waitFor(
    async () => {
      const all = await troubles(member)
      return all.some((one) => one.check === check && one.found.includes(found))
    },
    { deadlineMs: 20_000, what: `the doctor finds ${check}: ${found}`, pollMs: 500 },
  )
}

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  const mesh = await startMesh(lab, ['hub', 'alice'])
  alice = mesh.alice
  await alice.reaches('hub')
})

afterAll(async () => {
  await lab?.stop()
})

test('the doctor finds nothing broken on a healthy host', async () => {
  expect((await troubles(alice)).filter(({ verdict }) => verdict === 'bad')).toEqual([])
})

test("the doctor finds another VPN's route inside the mesh", async () => {
  const { addresses } = await alice.peer('hub')
  const inside = addresses[0]?.replace(/\.\d+$/, '.128/25') ?? ''
  await alice.host.run(['ip', 'tuntap', 'add', 'tun9', 'mode', 'tap'])
  await alice.host.run(['ip', 'link', 'set', 'tun9', 'up'])
  await alice.host.run(['ip', 'route', 'add', inside, 'dev', 'tun9'])
  await finds(alice, 'routes', 'tun9')
  await alice.host.run(['ip', 'link', 'delete', 'tun9'])
})

test('a reload without a changed file changes nothing', async () => {
  expect(await alice.json(['reload'])).toEqual({ changed: [], restart: [] })
})

test('a report of the host has its status and no secret', async () => {
  const file = `${alice.host.stateDir}/report.json`
  await alice.do(['bugreport', '--output', file])
  const report = await readFile(file, 'utf8')
  expect(JSON.parse(report)).toMatchObject({ status: { self: { name: 'alice' } } })
  const keys = JSON.parse(await readFile(`${alice.stateDir}/node.json`, 'utf8')) as object
  const secrets = JSON.stringify(keys).match(/[\w+/=-]{40,}/g) ?? []
  expect(secrets.length).toBeGreaterThanOrEqual(3)
  for (const secret of secrets) expect(report).not.toContain(secret)
})

test('status --watch goes on by itself', async () => {
  const watching = alice.host.spawn(
    ['bin/meshgate', '--state-dir', alice.stateDir, 'status', '--watch'],
    { log: 'watch.log' },
  )
  await alice.host.waitFor(async () => (await watching.output()).split('in network').length > 3, {
    deadlineMs: 15_000,
    what: 'three statuses are shown',
  })
  watching.kill('SIGINT')
  expect(await watching.exit).toBe(0)
})

test('the doctor finds a helper that is gone, and an agent that is gone', async () => {
  await alice.host.run(['sh', '-c', 'kill -KILL $(cat /run/meshgate/helper.pid)'])
  await finds(alice, 'helper', 'no helper')
  await alice.stop()
  await finds(alice, 'agent', 'no agent answers')
})
