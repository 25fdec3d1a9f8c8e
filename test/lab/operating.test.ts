// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** What an operator touches while a network runs: configuration, doctor, report, status. */
let lab: Lab
let alice: Member
/** Holds the network's key. */
let hub: Member

interface Description {
  readonly paths: Record<
    string,
    {
      readonly get?: {
        readonly parameters?: readonly { readonly name: string }[]
        readonly responses: {
          readonly 200: { readonly content: Record<string, { readonly schema?: object }> }
        }
      }
    }
  >
  readonly components: { readonly schemas: Record<string, object> }
}

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
  ;({ alice, hub } = mesh)
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

test('every answer of the agent is as its own description says', async () => {
  const ask = async (path: string): Promise<unknown> =>
    JSON.parse(
      await hub.host.run([
        'curl',
        '--silent',
        '--unix-socket',
        '/run/meshgate/agent.sock',
        `http://agent${path}`,
      ]),
    )
  const description = (await ask('/v1/openapi.json')) as Description
  const asked = Object.entries(description.paths).flatMap(([path, { get }]) => {
    const schema = get?.responses[200].content['application/json']?.schema
    const member = get?.parameters?.find(({ name }) => name === 'peer' || name === 'node')
    const query = member === undefined ? '' : `?${member.name}=alice`
    return schema === undefined ? [] : [{ path: `${path}${query}`, schema }]
  })
  expect(asked.map(({ path }) => path)).toContain('/v1/why?peer=alice')
  for (const { path, schema } of asked) {
    const { components } = description
    const { error } = schemaOf({ ...schema, components }).safeParse(await ask(path))
    expect(`${path}: ${error === undefined ? 'as described' : z.prettifyError(error)}`).toBe(
      `${path}: as described`,
    )
  }
})

/** JSON Schema knows its own definitions by another name than OpenAPI does. */
function schemaOf({ components, ...schema }: object & Pick<Description, 'components'>): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: components.schemas })
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as never)
}

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

test('events --follow tells what happens while it looks on', async () => {
  const [file, before] = ['policy.toml', (await alice.events()).length]
  const following = alice.host.spawn(
    ['bin/meshgate', '--state-dir', alice.stateDir, '--json', 'events', '--follow'],
    { log: 'follow.log' },
  )
  const lines = async () => (await following.output()).split('\n').filter((line) => line !== '')
  const waitFor = (what: string, isSo: (lines: string[]) => boolean) =>
    alice.host.waitFor(async () => isSo(await lines()), { deadlineMs: 15_000, what })
  await waitFor('what has happened is told', (all) => all.length >= before)
  await hub.host.run(['sh', '-c', `printf '' >${hub.stateDir}/${file}`])
  await hub.do(['policy', 'set', `${hub.stateDir}/${file}`])
  await waitFor('the policy is told of', (all) =>
    all.some((line) => line.includes('"policy-changed"')),
  )
  await hub.do(['policy', 'set', '--open'])
  following.kill('SIGINT')
  await following.exit
})

test('the doctor finds a helper that is gone, and an agent that is gone', async () => {
  await alice.host.run(['sh', '-c', 'kill -KILL $(cat /run/meshgate/helper.pid)'])
  await finds(alice, 'helper', 'no helper')
  await alice.stop()
  await finds(alice, 'agent', 'no agent answers')
})

/** Keeps what is posted to it, a line each. */
const COLLECTOR = `require('http').createServer((request, response) => {
  let body = ''
  request.on('data', (data) => (body += data))
  request.on('end', () => {
    require('fs').appendFileSync(process.argv[1], request.url + ' ' + body + '\\n')
    response.end('{}')
  })
}).listen(4318, '127.0.0.1')`

test('a collector of traces hears of the punch that reached a member', async () => {
  const traces = `${alice.host.stateDir}/traces.txt`
  const collector = alice.host.spawn([process.execPath, '-e', COLLECTOR, traces], {
    log: 'collector.log',
  })
  await alice.configure('otlp_endpoint = "http://127.0.0.1:4318"\n')
  await alice.run()
  const sent = await alice.host.waitFor(
    async () =>
      (await readFile(traces, 'utf8')).split('\n').find((line) => line.includes('"punch"')),
    { deadlineMs: 30_000, what: 'the collector has the span of a punch', pollMs: 500 },
  )
  expect(sent).toMatch(/^\/v1\/traces /)
  expect(sent).toContain('{"key":"meshgate.peer","value":{"stringValue":"hub"}}')
  await alice.stop()
  collector.kill('SIGTERM')
  await collector.exit
})
