// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** The product's main job: a public host, and two hosts behind port-restricted NATs with the same LAN addresses. */
let lab: Lab
let hub: Member
let alice: Member
let bob: Member

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  ;({ hub, alice, bob } = await startMesh(lab, ['hub', 'alice', 'bob']))
})

afterAll(async () => {
  await lab?.stop()
})

test('two hosts behind port-restricted NATs reach each other directly', async () => {
  const path = (await alice.reaches('bob')).path
  expect(path.endpoint).toMatch(/^203\.0\.113\./)
  await bob.reaches('alice')
  await alice.reaches('hub')
})

test('ping says the path and the round trip inside the session', async () => {
  await alice.reaches('bob')
  const output = await alice.do(['ping', 'bob', '-c', '2'])
  expect(output).toMatch(/direct/)
  expect(output).toMatch(/203\.0\.113\./)
  const address = await meshAddress(alice, 'bob')
  await alice.pings(address)
})

test('both address families of the mesh carry data', async () => {
  await alice.reaches('bob')
  const { addresses } = await alice.peer('bob')
  for (const address of addresses) await alice.pings(address)
})

test('members go by their names, and addresses lead back to them', async () => {
  const resolves = async (key: string) => (await alice.host.exec(['getent', 'hosts', key])).stdout
  const name = 'bob.lab.mesh'
  await alice.host.waitFor(async () => (await resolves(name)).includes(name), {
    deadlineMs: 10_000,
    what: `${name} resolves`,
    pollMs: 200,
  })
  const { addresses } = await alice.peer('bob')
  for (const address of addresses) expect(await resolves(address)).toContain(name)
  await alice.host.run(['ping', '-c', '1', '-W', '2', name])
})

test('wg show sees the device and the peers with their endpoints', async () => {
  const { path } = await alice.reaches('bob')
  const shown = await alice.host.run(['wg', 'show'])
  expect(shown).toContain('interface: meshgate0')
  expect(shown).toContain(`endpoint: ${path.endpoint}`)
})

test('no packet between two directly connected hosts crosses the public host', async () => {
  await alice.reaches('bob')
  const bobAddress = await meshAddress(alice, 'bob')
  const capture = await hub.host.capture('any', 'udp and greater 800')
  await alice.host.run(['ping', '-c', '20', '-i', '0.05', '-s', '1000', bobAddress])
  expect((await capture.stop()).packets).toEqual([])
})

test('status says whose WireGuard it is, and why', async () => {
  const { engine, engineReason } = (await alice.status()).self.helper
  expect([engine, engineReason]).toEqual(
    engine === 'kernel'
      ? ['kernel', 'the kernel has WireGuard']
      : ['userspace', expect.stringMatching(/^the kernel has no WireGuard: /)],
  )
})

test('status names the mapping that STUN servers and peers observed', async () => {
  await alice.reaches('bob')
  const { self } = await alice.status()
  expect(self.nat.mapping).toBe('endpoint-independent')
  expect(self.nat.mapped).toHaveLength(1)
})

test('tunnels go on while the agent is killed, and the restarted agent changes nothing', async () => {
  await alice.reaches('bob')
  const bobAddress = await meshAddress(alice, 'bob')
  const ping = alice.host.spawn(['ping', '-i', '0.1', '-c', '60', bobAddress], { log: 'ping.log' })
  alice.process.kill('SIGKILL')
  await alice.process.exit
  await alice.run()
  await alice.reaches('bob')
  expect(await ping.exit).toBe(0)
  expect(await ping.output()).toContain('60 received, 0% packet loss')
})
