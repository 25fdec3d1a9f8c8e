// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import type { Member } from '../../netns-lab/member.ts'
import { clearBetween, loseBetween } from '../../netns-lab/pair-weather.ts'
import { Traffic, type TrafficReport } from '../../netns-lab/traffic.ts'
import { buildHelper } from '../../scripts/build-helper.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** What a path that dies costs, with a datagram every ten milliseconds; scripts/bench has the distributions. */
const GAP_MS_MAX = 1_000
let lab: Lab
let mesh: Record<'hub' | 'other' | 'alice' | 'bob', Member>
let bobAddress: string

beforeAll(async () => {
  lab = await startLab({
    name: 'failover',
    hosts: { hub: {}, other: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted' },
    },
  })
  // A configuration of their own can be changed later.
  mesh = await startMesh(lab, ['hub', 'other', 'alice', 'bob'], { alice: '', bob: '' })
  await armed()
  bobAddress = await meshAddress(mesh.alice, 'bob')
})

afterAll(async () => {
  await lab?.stop()
})

/** Direct both ways, with a backup behind it. */
async function armed(): Promise<void> {
  for (const [member, peer] of [
    [mesh.alice, 'bob'],
    [mesh.bob, 'alice'],
  ] as const) {
    await member.reaches(peer, 'direct', 60_000)
    await member.host.waitFor(async () => (await member.peer(peer)).backups.length > 0, {
      deadlineMs: 30_000,
      what: `a backup for ${peer}`,
    })
  }
}

async function whileTrafficFlows(happens: () => Promise<void>): Promise<TrafficReport> {
  const traffic = Traffic.start(mesh.alice.host, mesh.bob.host, { address: bobAddress })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  try {
    await happens()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  } catch (error) {
    await traffic.stop()
    throw error
  }
  return traffic.stop()
}

const relayed = async () => {
  await mesh.alice.reaches('bob', 'relay', 30_000)
  await mesh.bob.reaches('alice', 'relay', 30_000)
}

/** The oldest in this host's network; the helper is its child. */
const SUPERVISOR = '$(pgrep --ns $$ --nslist net -o -x meshgate-helper)'

const OTHER_VERSION = 'another-build'
const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const HELPER = `${DIST}/meshgate-helper`

/** From here on this host finds another build where its helper's program was. */
async function otherBuild(host: LabHost): Promise<void> {
  const program = `${host.stateDir}/other-helper`
  buildHelper({ version: OTHER_VERSION, output: program })
  await host.run(['mount', '--bind', program, HELPER])
}

/** The same for the agent, of which only the version differs. */
async function otherAgent(host: LabHost): Promise<void> {
  const copy = `${host.stateDir}/other-dist`
  const rename = `sed -i 's/VERSION="[^"]*/&-other/' ${copy}/*.mjs`
  await host.run(['sh', '-c', `cp -r ${DIST} ${copy} && ${rename} && mount --bind ${copy} ${DIST}`])
}

async function lastHelper(member: Member) {
  const events = await member.json<readonly Record<string, unknown>[]>(['events'])
  return events.findLast(({ kind }) => kind === 'helper-connected')
}

test('a path that is cut both ways costs a fraction of a second, and its switch is told', async () => {
  const report = await whileTrafficFlows(async () => {
    await lab.set('internet', { cuts: [['home-a', 'home-b']] })
    await relayed()
    await lab.set('internet', { cuts: [] })
    await armed()
  })
  expect(report.longestGapMs()).toBeLessThan(GAP_MS_MAX)
  const events = await mesh.alice.json<readonly Record<string, unknown>[]>(['events'])
  const switched = events.findLast(({ kind, cause }) => {
    return kind === 'path-switched' && cause === 'path-down'
  })
  expect(switched).toMatchObject({ peer: 'bob', from: expect.stringMatching(/^direct /) })
  expect(switched?.['gapMs']).toBeLessThan(GAP_MS_MAX)
})

test('a path that passes probes and drops WireGuard costs no more', async () => {
  const report = await whileTrafficFlows(async () => {
    await lab.set('wan-a', { dropWireguard: true })
    await relayed()
    await lab.set('wan-a', { dropWireguard: false })
  })
  expect(report.longestGapMs()).toBeLessThan(GAP_MS_MAX)
  await armed()
})

test('a direct path that loses a fifth is left for a hub, and used again when it has healed', async () => {
  await armed()
  const report = await whileTrafficFlows(async () => {
    await loseBetween(lab, ['home-a', 'home-b'], 20)
    await relayed()
    await clearBetween(lab)
    await mesh.alice.reaches('bob', 'direct', 40_000)
    await mesh.bob.reaches('alice', 'direct', 40_000)
  })
  expect(report.longestGapMs()).toBeLessThan(GAP_MS_MAX)
  const events = await mesh.alice.json<readonly Record<string, unknown>[]>(['events'])
  const causes = events.flatMap(({ kind, cause }) => (kind === 'path-switched' ? [cause] : []))
  expect(causes.slice(-2)).toEqual(['detour-loss', 'detour-over'])
})

test('an agent that is killed under load costs no packet, and the next one adopts what it finds', async () => {
  const report = await whileTrafficFlows(async () => {
    mesh.alice.process.kill('SIGKILL')
    await mesh.alice.process.exit
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await mesh.alice.run()
    await mesh.alice.reaches('bob')
  })
  expect(report.lost).toBe(0)
})

test('an agent in a crash loop costs no packet more than the path that is cut meanwhile', async () => {
  await armed()
  let cutAt = 0
  const report = await whileTrafficFlows(async () => {
    for (let crash = 0; crash < 3; crash++) {
      mesh.alice.process.kill('SIGKILL')
      await mesh.alice.process.exit
      if (crash === 1) {
        cutAt = Date.now()
        await lab.set('internet', { cuts: [['home-a', 'home-b']] })
      }
      await new Promise((resolve) => setTimeout(resolve, 500))
      mesh.alice.start()
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    await mesh.alice.reaches('bob', 'relay', 30_000)
    await lab.set('internet', { cuts: [] })
  })
  const gapMs = report.longestGapMs(cutAt)
  expect(gapMs).toBeLessThan(GAP_MS_MAX)
  // All that is lost was lost to the cut.
  expect(report.lost).toBeLessThanOrEqual(gapMs / 10 + 2)
})

test('an agent of another version goes on with a relayed session, and loses no packet', async () => {
  await armed()
  await lab.set('internet', { cuts: [['home-a', 'home-b']] })
  await relayed()
  await otherAgent(mesh.alice.host)
  const report = await whileTrafficFlows(async () => {
    await mesh.alice.do(['agent', 'stop'])
    await mesh.alice.process.exit
    await mesh.alice.run()
    await mesh.alice.reaches('bob', 'relay')
  })
  await lab.set('internet', { cuts: [] })
  expect(await mesh.alice.do(['--version'])).toContain('-other')
  expect(report.lost).toBe(0)
})

test('a helper that is killed under load is back within a second or two, and says how', async () => {
  const report = await whileTrafficFlows(async () => {
    await mesh.alice.host.run(['sh', '-c', `pkill -KILL -P ${SUPERVISOR}`])
    await mesh.alice.host.waitFor(
      async () => {
        const { connected, restored } = (await mesh.alice.status()).self.helper
        return connected && restored
      },
      { deadlineMs: 20_000, what: 'a restored helper' },
    )
    await mesh.alice.reaches('bob')
  })
  expect(report.longestGapMs()).toBeLessThan(2_000)
})

test('a helper that is replaced by another build under load keeps its device, and says what it kept', async () => {
  await armed()
  const index = () => mesh.alice.host.run(['cat', '/sys/class/net/meshgate0/ifindex'])
  const before = await index()
  await otherBuild(mesh.alice.host)
  const report = await whileTrafficFlows(async () => {
    await mesh.alice.host.run(['sh', '-c', `kill -HUP ${SUPERVISOR}`])
    await mesh.alice.host.waitFor(
      async () => (await lastHelper(mesh.alice))?.['version'] === OTHER_VERSION,
      { deadlineMs: 20_000, what: 'the other build is connected' },
    )
  })
  expect((await lastHelper(mesh.alice))?.['takeover']).toEqual({
    device: true,
    sessions: false,
    sockets: 0,
  })
  expect(await index()).toBe(before)
  console.log(`gap of a replaced helper: ${report.longestGapMs()} ms, ${report.lost} lost`)
  expect(report.longestGapMs()).toBeLessThan(GAP_MS_MAX)
})

test('in redundant mode a path that dies costs no packet at all', async () => {
  await armed()
  for (const member of [mesh.alice, mesh.bob]) {
    await member.configure('redundancy = "duplicate"\n')
    expect(await member.do(['reload'])).toContain('redundancy')
  }
  const report = await whileTrafficFlows(async () => {
    await lab.set('internet', { cuts: [['home-a', 'home-b']] })
    await relayed()
    await lab.set('internet', { cuts: [] })
  })
  expect(report.sent).toBeGreaterThan(200)
  expect(report.lost).toBe(0)
})
