// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HostProcess } from '../../netns-lab/host-process.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { meshAddress, steadyPing } from '../lab/mesh.ts'

/** OpenTelemetry's collector beside an agent, from scripts/test-traces: what it understood of the traces. */
const COLLECTOR = process.env['MESHGATE_COLLECTOR'] ?? ''
const CONFIGURATION = `
receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:4318 } } } }
exporters: { debug: { verbosity: detailed } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }
`

let lab: Lab
let alice: Member
let collector: HostProcess

interface TakenSpan {
  readonly traceId: string
  readonly parentId: string
  readonly id: string
  readonly name: string
  readonly durationMs: number
  readonly attributes: Readonly<Record<string, string>>
}

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  const hub = new Member(lab.host('hub'))
  alice = new Member(lab.host('alice'))
  const bob = new Member(lab.host('bob'))
  const file = `${alice.host.stateDir}/collector.yaml`
  await writeFile(file, CONFIGURATION)
  collector = alice.host.spawn([COLLECTOR, '--config', `file:${file}`], { log: 'collector.log' })
  await hub.init()
  await hub.run()
  const token = await hub.createToken('--uses', '2')
  await alice.configure('otlp_endpoint = "http://127.0.0.1:4318"\n')
  await alice.join(token)
  await alice.run()
  await bob.join(token)
  await bob.run()
  await alice.reaches('bob')
})

afterAll(async () => {
  await lab?.stop()
})

/** As the collector's own exporter prints them. */
async function spans(): Promise<TakenSpan[]> {
  const blocks = (await collector.output()).split(/^Span #\d+$/m).slice(1)
  return blocks.map((block) => {
    const field = (name: string) => new RegExp(`^ +${name} *: (.*)$`, 'm').exec(block)?.[1] ?? ''
    const time = (name: string) => Date.parse(field(name).replace(/ \+0000 UTC$/, 'Z'))
    const pairs = [...block.matchAll(/^ +-> ([\w.]+): \w+\((.*)\)$/gm)]
    return {
      traceId: field('Trace ID'),
      parentId: field('Parent ID'),
      id: field('ID'),
      name: field('Name'),
      durationMs: time('End time') - time('Start time'),
      attributes: Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value])),
    }
  })
}

async function span(name: string, peer: string): Promise<TakenSpan> {
  return alice.host.waitFor(
    async () =>
      (await spans()).find((one) => one.name === name && one.attributes['meshgate.peer'] === peer),
    { deadlineMs: 30_000, what: `the collector has a span ${name} of ${peer}`, pollMs: 500 },
  )
}

test('the collector has a member that joins, and the punch that reaches it', async () => {
  const join = await span('join', 'bob')
  expect(join.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(join.attributes['meshgate.to']).toBeDefined()
  const punch = await span('punch', 'bob')
  expect(punch.attributes['meshgate.path']).toMatch(/^direct /)
  expect(Number(punch.attributes['meshgate.rtt_ms'])).toBeGreaterThan(0)
  for (const { durationMs } of [join, punch]) {
    expect(durationMs).toBeGreaterThanOrEqual(0)
    expect(durationMs).toBeLessThan(60_000)
  }
})

test('a path that is cut under traffic is a failover, as long as its gap', async () => {
  const ping = await steadyPing(alice.host, await meshAddress(alice, 'bob'))
  await lab.set('internet', { cuts: [['home-a', 'home-b']] })
  const failover = await span('failover', 'bob')
  await ping.stop()
  expect(failover.attributes).toMatchObject({
    'meshgate.cause': 'path-down',
    'meshgate.from': expect.stringMatching(/^direct /),
    'meshgate.to': expect.not.stringMatching(/^direct /),
  })
  expect(failover.durationMs).toBeLessThan(5_000)
})

test('the collector knows whose traces they are, and refused none', async () => {
  const output = await collector.output()
  expect(output).toContain('-> service.name: Str(meshgate)')
  expect(output).toMatch(/-> service\.version: Str\(\d/)
  expect(output).not.toMatch(/\b(ERROR|WARN)\b/)
  expect((await alice.log()).filter(({ msg }) => String(msg).startsWith('traces '))).toEqual([])
})
