// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import type { Member } from '../../netns-lab/member.ts'
import { slowAnswerer, Traffic, type TrafficReport } from '../../netns-lab/traffic.ts'
import { startMesh } from './mesh.ts'

/** Two members that both speak for one network behind them, of which the first in order of ids has it. */
const BEHIND = '192.168.77.1'
/** Of the gateways on that network. */
const NEAR = '192.168.77.254'
/** So long is an answer on its way through it: of a packet every 10 ms, eight are at any time. */
const DELAY_MS = 80
/** Members find out by themselves, and wait for seconds whether it lasts. */
const WITHOUT_A_WORD_MS = 30_000
let lab: Lab
let alice: Member
let gateways: readonly Member[]

beforeAll(async () => {
  lab = await startLab({
    name: 'gateways',
    hosts: { hub: {}, alice: {}, east: {}, west: {} },
  })
  const mesh = await startMesh(lab, ['hub', 'alice', 'east', 'west'])
  alice = mesh.alice
  gateways = [mesh.east, mesh.west]
  for (const gateway of gateways) {
    await putServerBehind(gateway.host)
    await mesh.hub.do(['node', 'edit', gateway.name, '--route', '192.168.77.0/24', '--tag', 'gate'])
    await alice.host.waitFor(async () => (await alice.peer(gateway.name)).tags.includes('gate'), {
      deadlineMs: 10_000,
      what: `alice knows ${gateway.name}'s new certificate`,
    })
    await alice.reaches(gateway.name)
  }
  await alice.host.run(['ip', 'route', 'add', '192.168.77.0/24', 'dev', 'meshgate0'])
})

afterAll(async () => {
  await lab?.stop()
})

/** A host with a network of its own, whose answers take their time and leave by the gateway that they came by. */
async function putServerBehind(gateway: LabHost): Promise<void> {
  const pidFile = `${gateway.stateDir}/behind.pid`
  const answering = `echo $$ > ${pidFile}; exec ${slowAnswerer(DELAY_MS).join(' ')}`
  gateway.spawn(['unshare', '--net', 'sh', '-c', answering])
  const pid = await gateway.waitFor(
    async () => (await gateway.exec(['cat', pidFile])).stdout.trim() || undefined,
    { deadlineMs: 10_000, what: 'the host behind' },
  )
  const inside = ['nsenter', '--net', '--target', pid]
  for (const command of [
    ['sysctl', '-qw', 'net.ipv4.ip_forward=1'],
    ['ip', 'link', 'add', 'behind', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid],
    ['ip', 'address', 'add', `${NEAR}/24`, 'dev', 'behind'],
    ['ip', 'link', 'set', 'behind', 'up'],
    [...inside, 'ip', 'address', 'add', `${BEHIND}/24`, 'dev', 'eth0'],
    [...inside, 'ip', 'link', 'set', 'eth0', 'up'],
    [...inside, 'ip', 'route', 'add', 'default', 'via', NEAR],
  ])
    await gateway.run(command)
}

interface PlannedPeer {
  readonly name: string
  readonly allowedIps: readonly string[]
}

/** Who has the network behind, as alice sees it. */
async function holder(): Promise<string | undefined> {
  const { peers } = await alice.json<{ peers: PlannedPeer[] }>(['plan'])
  return peers.find(({ allowedIps }) => allowedIps.includes('192.168.77.0/24'))?.name
}

/** The one that has it, and the one that would have it next. */
async function holderAndOther(): Promise<[Member, Member]> {
  const before = await holder()
  const [first] = gateways.filter(({ name }) => name === before)
  const [second] = gateways.filter(({ name }) => name !== before)
  return [first!, second!]
}

const held = (name: string, deadlineMs = 10_000) =>
  alice.host.waitFor(async () => (await holder()) === name, {
    deadlineMs,
    what: `${name} has the network`,
    pollMs: 100,
  })

test('a gateway that is drained is left for the other and taken back without a lost answer', async () => {
  const traffic = Traffic.start(alice.host, undefined, { address: BEHIND })
  const [first, second] = await holderAndOther()
  expect(await first.do(['drain'])).toContain('others are told to leave this')
  await held(second.name)
  await first.do(['undrain'])
  await held(first.name)
  expectNoneLost(await traffic.stop())
})

test('a gateway that dies without a word is left for the other, and taken back without a lost answer', async () => {
  const [first, second] = await holderAndOther()
  const before = Traffic.start(alice.host, undefined, { address: BEHIND })
  await isUsed(first)
  await lab.set(first.name, { down: true })
  await held(second.name, WITHOUT_A_WORD_MS)
  await isUsed(second)
  await before.stop()
  const after = Traffic.start(alice.host, undefined, { address: BEHIND })
  await isUsed(second)
  await lab.set(first.name, { down: false })
  await held(first.name, WITHOUT_A_WORD_MS)
  await isUsed(first)
  expectNoneLost(await after.stop())
})

test('a gateway that stops in order is left for the other without a lost answer', async () => {
  const [first, second] = await holderAndOther()
  const traffic = Traffic.start(alice.host, undefined, { address: BEHIND })
  await isUsed(first)
  await first.do(['stop'])
  expect(await holder()).toBe(second.name)
  await first.process.exit
  expectNoneLost(await traffic.stop())
})

/** From now on packets pass it. */
async function isUsed(gateway: Member): Promise<void> {
  const enough = (await passedOn(gateway)) + 50
  await alice.host.waitFor(async () => (await passedOn(gateway)) >= enough, {
    deadlineMs: 10_000,
    what: `${gateway.name} is in use`,
    pollMs: 100,
  })
}

/** Packets that the gateway has sent to the network behind. */
async function passedOn({ host }: Member): Promise<number> {
  return Number(await host.run(['cat', '/sys/class/net/behind/statistics/tx_packets']))
}

function expectNoneLost({ tally }: TrafficReport): void {
  expect(tally.answeredAt.length).toBeGreaterThan(DELAY_MS)
  expect(tally.answeredAt.flatMap((at, number) => (at === null ? [number] : []))).toEqual([])
}
