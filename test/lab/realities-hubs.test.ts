// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/**
 * Hosts with public addresses that cannot be dialled, because a firewall lets only answers in. They cannot tell by
 * themselves: others try, and then they offer nothing of what hubs offer.
 */
const names = ['hub', 'other', 'fort', 'wall', 'alice', 'bob'] as const
let lab: Lab
let mesh: Record<(typeof names)[number], Member>

beforeAll(async () => {
  lab = await startLab({
    name: 'hubs',
    hosts: {
      hub: {},
      other: {},
      fort: { firewall: true },
      wall: { behind: 'site' },
      alice: { behind: 'home-a' },
      bob: { behind: 'home-b' },
    },
    nats: {
      site: { kind: 'firewall', lan: '198.51.100.0/24' },
      'home-a': { kind: 'symmetric' },
      'home-b': { kind: 'port-restricted' },
    },
  })
  // What is relayed is to stay so: a search would find a way for alice sooner or later.
  mesh = await startMesh(lab, names, { alice: 'birthday_search = false\n' })
})

afterAll(async () => {
  await lab?.stop()
})

test('public hosts are hubs once others have reached them, and those that nobody reaches are none', async () => {
  const isHub = async (name: string) => (await mesh.alice.peer(name)).hub
  for (const [name, expected] of [
    ['hub', true],
    ['other', true],
    ['fort', false],
    ['wall', false],
  ] as const)
    await mesh.alice.host.waitFor(async () => (await isHub(name)) === expected, {
      deadlineMs: 10_000,
      what: `${name} is ${expected ? 'a' : 'no'} hub`,
    })
  expect(await mesh.fort.do(['netcheck'])).toMatch(/dialable: +no: .*(hub|other).* did not reach /)
})

test('hosts find their mapping although some that have public addresses do not let them in', async () => {
  for (const [member, mapping] of [
    [mesh.alice, 'address-and-port-dependent'],
    [mesh.bob, 'endpoint-independent'],
  ] as const) {
    await member.host.waitFor(
      async () => {
        const { nat } = (await member.status()).self
        if (nat.mapping !== mapping) throw new Error(`it is ${nat.mapping}, ${nat.mapped.join()}`)
        return true
      },
      { deadlineMs: 20_000, what: `its mapping is known to be ${mapping}`, pollMs: 300 },
    )
  }
})

test('hosts behind firewalls with public addresses are reached directly from behind a port-restricted NAT', async () => {
  for (const peer of ['fort', 'wall']) await mesh.bob.reaches(peer)
  await mesh.fort.reaches('wall')
})

test('what is relayed goes over those that let strangers in', async () => {
  const { path } = await mesh.alice.reaches('bob', 'relay')
  expect(['hub', 'other']).toContain(path.via)
  await mesh.alice.host.run(['ping', '-c', '2', '-W', '2', await meshAddress(mesh.alice, 'bob')])
  const { path: toFort } = await mesh.alice.reaches('fort', 'relay')
  expect(['hub', 'other']).toContain(toFort.via)
  for (const name of ['fort', 'wall']) {
    const address = await meshAddress(mesh.alice, name)
    await mesh.alice.host.run(['ping', '-c', '2', '-W', '2', address])
  }
})

test('a pair of which each host reaches one hub is connected over both', async () => {
  await lab.set('internet', {
    cuts: [
      ['home-a', 'hub'],
      ['home-b', 'other'],
      ['home-a', 'home-b'],
    ],
  })
  for (const [one, peer, via] of [
    [mesh.alice, 'bob', 'other, hub'],
    [mesh.bob, 'alice', 'hub, other'],
  ] as const)
    await one.host.waitFor(
      async () => {
        const { path, why } = await one.peer(peer)
        if (path.kind !== 'relay' || path.via !== via) throw new Error(`${path.via}: ${why}`)
        return true
      },
      { deadlineMs: 60_000, what: `${one.name} goes over two hubs`, pollMs: 300 },
    )
  await mesh.alice.host.waitFor(
    async () => {
      await mesh.alice.pings(await meshAddress(mesh.alice, 'bob'))
      return true
    },
    { deadlineMs: 20_000, what: 'bob answers over two hubs' },
  )
})
