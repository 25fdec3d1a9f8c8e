// SPDX-License-Identifier: Apache-2.0
import { cpSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SHORT_LINK_PAUSE_MS_MAX } from '../../agent/shell/underlay/supervisor.ts'
import { DIAL_TIMEOUT_MS } from '../../agent/shell/underlay/underlay-node.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { steadyPing } from './mesh.ts'

/** A network in which a person lets hosts in, and what that person can do with them afterwards. */
let lab: Lab
let hub: Member
let alice: Member
let bob: Member

beforeAll(async () => {
  lab = await startLab({
    name: 'membership',
    hosts: { hub: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' }, thief: {} },
    nats: { 'home-a': { kind: 'port-restricted' }, 'home-b': { kind: 'port-restricted' } },
  })
  hub = new Member(lab.host('hub'))
  alice = new Member(lab.host('alice'))
  bob = new Member(lab.host('bob'))
  await hub.init('--approve', '--certificate-lifetime', '30s')
  await hub.run()
})

afterAll(async () => {
  await lab?.stop()
})

interface ListedNode {
  readonly name: string
  readonly state: string
}

const isOf = (name: string) => (node: ListedNode) => node.name === name

const stateOf = async (name: string) =>
  (await hub.json<ListedNode[]>(['node', 'list'])).find((node) => node.name === name)?.state

test('a host that joins waits until a person lets it in', async () => {
  const token = await hub.createToken('--uses', '3', '--tag', 'guest')
  const joining = [alice, bob].map((member) => member.join(token))
  for (const { name } of [alice, bob]) {
    await hub.host.waitFor(async () => (await stateOf(name)) === 'waiting' || undefined, {
      deadlineMs: 20_000,
      what: `${name} waits`,
      pollMs: 200,
    })
    await hub.do(['node', 'approve', name])
  }
  await Promise.all(joining)
  expect(await stateOf('alice')).toBe('member')
  await alice.run()
  await bob.run()
  await alice.reaches('bob')
})

test('a member that is edited gets its new certificate over gossip, and all others count by it', async () => {
  await hub.do(['node', 'edit', 'bob', '--name', 'bobby', '--tag', 'edge'])
  await alice.host.waitFor(async () => (await alice.peer('bobby')).tags.includes('edge'), {
    deadlineMs: 10_000,
    what: 'alice sees the new name and tag',
    pollMs: 200,
  })
  await bob.host.waitFor(
    async () => {
      const { self } = await bob.status()
      return self.name === 'bobby' && self.tags.join() === 'edge'
    },
    { deadlineMs: 10_000, what: 'bob has its new certificate', pollMs: 200 },
  )
  await alice.pings((await alice.peer('bobby')).addresses[0]!)
})

test('a member speaks for a network behind it for as long as its certificate says so', async () => {
  const behind = '192.168.77.1'
  await bob.host.run(['ip', 'address', 'add', `${behind}/32`, 'dev', 'lo'])
  await alice.host.run(['ip', 'route', 'add', '192.168.77.0/24', 'dev', 'meshgate0'])
  const isHeard = async () =>
    (await alice.host.exec(['ping', '-c', '1', '-W', '1', behind])).code === 0
  expect(await isHeard()).toBe(false)
  await hub.do(['node', 'edit', 'bobby', '--route', '192.168.77.0/24'])
  await alice.pings(behind)
  await hub.do(['node', 'edit', 'bobby', '--clear-routes'])
  await alice.host.waitFor(async () => !(await isHeard()), {
    deadlineMs: 10_000,
    what: 'alice takes nothing from there any more',
    pollMs: 100,
  })
})

test('new keys come into use while traffic goes on, under the same name and addresses', async () => {
  const before = await bob.status()
  const address = before.self.addresses[0]!
  const ping = await steadyPing(alice.host, address)
  await bob.do(['rotate'])
  await alice.host.waitFor(
    async () => (await alice.peer('bobby')).nodeId !== before.self.nodeId || undefined,
    { deadlineMs: 10_000, what: 'alice knows the new key', pollMs: 200 },
  )
  await alice.reaches('bobby')
  await ping.answers(10, 10_000)
  const { longestGapMs } = await ping.stop()
  expect(longestGapMs).toBeLessThan(4_000)
  expect((await bob.status()).self.addresses).toEqual(before.self.addresses)
  expect((await hub.json<ListedNode[]>(['node', 'list'])).filter(isOf('bobby'))).toMatchObject([
    { state: 'member' },
    { state: 'revoked' },
  ])
})

test('certificates are renewed by themselves at half of their lifetime', async () => {
  const renews = async (member: Member) => {
    const first = (await member.status()).self.certificateNotAfter
    await member.host.waitFor(
      async () => (await member.status()).self.certificateNotAfter !== first || undefined,
      { deadlineMs: 45_000, what: `${member.name} has renewed`, pollMs: 500 },
    )
    expect((await member.status()).self.membership).toBe('valid')
  }
  await Promise.all([hub, alice].map(renews))
  expect((await alice.events()).map(({ kind }) => kind)).toContain('certificate-replaced')
})

test('a revoked member is dropped by all others within seconds, and says so itself', async () => {
  const address = (await alice.peer('bobby')).addresses[0]!
  const startedAt = Date.now()
  await hub.do(['node', 'revoke', 'bobby'])
  for (const other of [hub, alice]) {
    await other.host.waitFor(
      async () => (await other.status()).peers.every(({ name }) => name !== 'bobby'),
      { deadlineMs: 5_000, what: `${other.name} drops bobby`, pollMs: 100 },
    )
  }
  await bob.host.waitFor(async () => (await bob.status()).self.membership === 'revoked', {
    deadlineMs: 5_000,
    what: 'bob knows',
    pollMs: 100,
  })
  expect(Date.now() - startedAt).toBeLessThan(8_000)
  expect((await alice.host.exec(['ping', '-c', '1', '-W', '1', address])).code).not.toBe(0)
  expect(await stateOf('bobby')).toBe('revoked')
  expect(await bob.do(['status'])).toContain('revoked')
})

test('a revoked host that starts again hears it from the first member that it asks', async () => {
  await bob.stop()
  await bob.host.run(['rm', '-f', `${bob.stateDir}/notices.cbor`])
  await bob.run()
  await bob.host.waitFor(async () => (await bob.status()).self.membership === 'revoked', {
    deadlineMs: 10_000,
    what: 'bob is told',
    pollMs: 200,
  })
  expect((await hub.status()).peers.map(({ name }) => name)).toEqual(['alice'])
})

test('a stolen state directory is seen where it came from, and worth nothing once it is revoked', async () => {
  const thief = new Member(lab.host('thief'))
  cpSync(alice.stateDir, thief.stateDir, { recursive: true })
  await thief.run()
  await alice.host.waitFor(
    async () => (await alice.status()).self.twinSince !== null || undefined,
    {
      deadlineMs: 30_000,
      what: 'alice sees that another host has its keys',
      pollMs: 200,
    },
  )
  expect(await alice.do(['status'])).toContain('another host')
  await hub.do(['node', 'revoke', 'alice'])
  // One of them has lost its link to the other, and hears it when it dials again.
  const deadlineMs = SHORT_LINK_PAUSE_MS_MAX + 2 * DIAL_TIMEOUT_MS
  for (const member of [alice, thief])
    await member.host.waitFor(
      async () => (await member.status()).self.membership === 'revoked' || undefined,
      { deadlineMs, what: `${member.name} is out`, pollMs: 200 },
    )
  expect((await hub.status()).peers).toEqual([])
})
