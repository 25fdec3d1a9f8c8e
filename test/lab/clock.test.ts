// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settableClock } from '../../netns-lab/clock-shift.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { meshAddress } from './mesh.ts'

const HOUR_MS = 3_600_000
/** Some turns of everything that is done again and again. */
const WHILE_MS = 5_000
/** Nothing is lost for longer than a busy machine takes a breath, which is of datagrams every 10 ms: */
const LOST_MAX = 30

let lab: Lab
let alice: Member
let bob: Member
let clock: string

beforeAll(async () => {
  lab = await startLab({
    name: 'clock',
    hosts: { hub: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: { 'home-a': { kind: 'port-restricted' }, 'home-b': { kind: 'port-restricted' } },
  })
  const hub = new Member(lab.host('hub'))
  alice = new Member(lab.host('alice'))
  bob = new Member(lab.host('bob'))
  clock = `${alice.host.stateDir}/clock`
  alice.setEnvironment({ NODE_OPTIONS: settableClock(clock) })
  await hub.init()
  await hub.run()
  const token = await hub.createToken('--uses', '2')
  for (const member of [alice, bob]) {
    await member.join(token)
    await member.run()
  }
  await Promise.all([alice.reaches('bob'), bob.reaches('alice')])
})

afterAll(async () => {
  await lab?.stop()
})

const setClock = (aheadMs: number) => writeFile(clock, String(aheadMs))

async function switches(member: Member): Promise<number> {
  const events = await member.events()
  return events.filter(({ kind }) => kind === 'path-switched' || kind === 'path-down').length
}

test('a clock that is set back and forward by an hour moves no traffic', async () => {
  const traffic = Traffic.start(alice.host, bob.host, { address: await meshAddress(alice, 'bob') })
  const before = await Promise.all([alice, bob].map(switches))
  for (const aheadMs of [-HOUR_MS, HOUR_MS, 0]) {
    await setClock(aheadMs)
    await sleep(WHILE_MS)
  }
  const report = await traffic.stop()
  expect(await Promise.all([alice, bob].map(switches))).toEqual(before)
  expect(report.lost).toBeLessThan(LOST_MAX)
  const [toBob, toAlice] = await Promise.all([alice.peer('bob'), bob.peer('alice')])
  expect([toBob.liveness, toAlice.liveness]).toEqual(['alive', 'alive'])
})

test('an agent that is killed and finds its clock an hour back keeps the tunnel, and is heard when the clock is right', async () => {
  const address = await meshAddress(alice, 'bob')
  const traffic = Traffic.start(alice.host, bob.host, { address })
  await setClock(-HOUR_MS)
  alice.process.kill('SIGKILL')
  await alice.process.exit
  await alice.run()
  const saidAt = (await alice.log()).at(-1)?.['time']
  expect(Date.parse(String(saidAt))).toBeLessThan(Date.now() - HOUR_MS / 2)
  await sleep(WHILE_MS)
  await setClock(0)
  await sleep(WHILE_MS)
  const report = await traffic.stop()
  expect(report.lost).toBeLessThan(LOST_MAX)
  await Promise.all([alice.reaches('bob'), bob.reaches('alice')])
  expect((await bob.peer('alice')).liveness).toBe('alive')
})
