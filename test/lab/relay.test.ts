// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventEntry } from '../../agent/core/event-log.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** Two hosts that no plain punch connects, and two public hosts that relay without being told to. */
let lab: Lab
let hub: Member
let other: Member
let alice: Member
let bob: Member

beforeAll(async () => {
  lab = await startLab({
    name: 'relay',
    hosts: { hub: {}, other: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: { 'home-a': { kind: 'symmetric' }, 'home-b': { kind: 'symmetric' } },
  })
  ;({ hub, other, alice, bob } = await startMesh(lab, ['hub', 'other', 'alice', 'bob']))
})

afterAll(async () => {
  await lab?.stop()
})

test('two hosts that cannot punch are connected over a hub, and status names it', async () => {
  const { path, why } = await alice.reaches('bob', 'relay')
  expect(['hub', 'other']).toContain(path.via)
  expect(why).not.toBe('')
  await bob.reaches('alice', 'relay')
  await alice.pings(await meshAddress(alice, 'bob'))
})

test('the path over a hub was there within two seconds of the other host being known', async () => {
  for (const [one, peer] of [
    [alice, 'bob'],
    [bob, 'alice'],
  ] as const) {
    const events = await one.json<readonly EventEntry[]>(['events'])
    const proven = events.find((event) => event.kind === 'path-proven' && event.peer === peer)
    if (proven?.kind !== 'path-proven') throw new Error(`${one.name} has proven no path`)
    expect(proven.path).toContain('over')
    expect(proven.sinceMs).toBeLessThan(2_000)
  }
})

test('a hub sees ciphertext only', async () => {
  await alice.reaches('bob', 'relay')
  const address = await meshAddress(alice, 'bob')
  const captures = await Promise.all([hub, other].map((one) => one.host.capture('any', 'udp')))
  const marker = Buffer.from('this is plain').toString('hex')
  await alice.host.run(['ping', '-c', '5', '-i', '0.1', '-p', marker, '-s', '400', address])
  const seen = await Promise.all(captures.map((capture) => capture.stop()))
  const relayed = seen
    .flatMap(({ packets }) => packets)
    .filter(({ line }) => /length [45]\d\d/.test(line))
  expect(relayed.length).toBeGreaterThanOrEqual(10)
  for (const { pcapFile } of seen)
    expect(readFileSync(pcapFile).includes('this is plain')).toBe(false)
})

test('a hub that is drained, and one that stops in order, are left without a lost packet', async () => {
  const { path } = await alice.reaches('bob', 'relay')
  const [first, second] = path.via === 'hub' ? [hub, other] : [other, hub]
  const address = await meshAddress(alice, 'bob')
  const ping = alice.host.spawn(['ping', '-i', '0.05', address], { log: 'drained.log' })
  const goesOver = (member: Member) =>
    alice.host.waitFor(async () => (await alice.peer('bob')).path.via === member.name, {
      deadlineMs: 15_000,
      what: `traffic goes over ${member.name}`,
    })
  await goesOver(first)
  await first.do(['drain', '--wait'])
  await goesOver(second)
  await first.do(['undrain'])
  await second.stop()
  await goesOver(first)
  ping.kill('SIGINT')
  await ping.exit
  // The tests below need it, whatever the ping shows.
  await second.run()
  expect(await ping.output()).toMatch(/[1-9]\d+ packets transmitted.* 0% packet loss/)
})

test('when the hub in use dies, traffic goes on over the other', async () => {
  const { path } = await alice.reaches('bob', 'relay')
  const [dying, living] = path.via === 'hub' ? [hub, other] : [other, hub]
  const address = await meshAddress(alice, 'bob')
  const ping = alice.host.spawn(['ping', '-i', '0.2', '-c', '60', address], { log: 'failover.log' })
  await alice.host.waitFor(async () => (await ping.output()).includes('icmp_seq=5'), {
    deadlineMs: 10_000,
    what: 'ping runs',
  })
  await dying.stop()
  await alice.host.waitFor(
    async () => (await alice.peer('bob')).path.via === living.name || undefined,
    { deadlineMs: 15_000, what: `traffic goes over ${living.name}` },
  )
  await ping.exit
  expect(await ping.output()).toContain('icmp_seq=60')
  await dying.run()
})

test('a rolling restart of both hubs, one healthy before the other, costs no packet', async () => {
  await alice.reaches('bob', 'relay')
  const enter = `${alice.host.stateDir}/enter`
  const pids = [hub, other].map(({ name, host }) => `${name}) pid=${host.outerPid} ;;`)
  const namespaces = '--target "$pid" --pid --net --mount --uts'
  writeFileSync(
    enter,
    `case $1 in ${pids.join(' ')} esac\nexec nsenter ${namespaces} sh -c "cd '$PWD' && $2"\n`,
  )
  const directory = '/run/lab/*/hosts/*/meshgate'
  const own = `bin/meshgate --state-dir $(echo ${directory})`
  const restart = `${own} stop && (setsid ${own} run </dev/null >/dev/null 2>&1 &)`
  const ping = alice.host.spawn(['ping', '-i', '0.05', await meshAddress(alice, 'bob')], {
    log: 'rollout.log',
  })
  const words = ['--json', '--run-dir', `/proc/${alice.host.outerPid}/root/run/meshgate`, 'rollout']
  const over = ['--over', `sh ${enter} {name}`, '--meshgate', 'bin/meshgate', '--restart', restart]
  const only = ['--only', hub.name, '--only', other.name]
  const { stdout } = await promisify(execFile)('bin/meshgate', [...words, ...over, ...only])
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'hub' }, { name: 'other' }])
  ping.kill('SIGINT')
  await ping.exit
  expect(await ping.output()).toMatch(/[1-9]\d\d packets transmitted.* 0% packet loss/)
})

test('a relayed pair goes direct once a NAT allows it, without a restart', async () => {
  await alice.reaches('bob', 'relay')
  await lab.set('home-a', { kind: 'full-cone' })
  await alice.reaches('bob', 'direct', 90_000)
})
