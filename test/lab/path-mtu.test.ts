// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FullNetcheck } from '../../agent/core/netcheck.ts'
import type { HostProcess } from '../../netns-lab/host-process.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** Packets as large as the paths to a peer carry, and never larger, also where a way shrinks under traffic. */
let lab: Lab
let mesh: Record<'hub' | 'alice' | 'bob', Member>
let bobAddress: string
let server: HostProcess

beforeAll(async () => {
  lab = await startLab({
    name: 'path-mtu',
    hosts: {
      hub: {},
      alice: { behind: 'home-a' },
      bob: { behind: 'home-b' },
      stun: { address: ['203.0.113.201', '203.0.113.202'] },
    },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'restricted-cone', hairpin: 'external' },
    },
    services: { stun: { kind: 'coturn', on: 'stun' } },
  })
  const stun = 'stun_servers = ["203.0.113.201:3478"]\n'
  mesh = await startMesh(lab, ['hub', 'alice', 'bob'], {
    hub: `${stun}tcp_port = 443\n`,
    alice: stun,
    bob: stun,
  })
  await mesh.alice.reaches('bob')
  await mesh.bob.reaches('alice')
  bobAddress = await meshAddress(mesh.alice, 'bob')
  server = mesh.bob.host.spawn(['iperf3', '-s', '--forceflush', '-B', bobAddress])
  await mesh.bob.host.waitFor(async () => (await server.output()).includes('listening'), {
    deadlineMs: 5_000,
    what: 'iperf3 listens',
  })
})

afterAll(async () => {
  await lab?.stop()
})

/** Waits until the routes to a peer carry so many bytes. */
async function carries(from: Member, to: Member, mtu: number, deadlineMs: number): Promise<void> {
  await from.host.waitFor(
    async () => {
      const known = (await from.peer(to.name)).mtu
      if (known !== mtu) throw new Error(`${to.name} is sent ${known} bytes`)
      return true
    },
    { deadlineMs, what: `${mtu} bytes to ${to.name}`, pollMs: 300 },
  )
  const address = await meshAddress(from, to.name)
  // The kernel agrees: the largest packet passes whole, and one byte more is refused by the route.
  const size = (bytes: number) => ['-M', 'do', '-s', String(bytes - 28), '-c', '1', '-W', '2']
  await from.pings(address, ...size(mtu))
  const { code } = await from.host.exec(['ping', ...size(mtu + 1), address])
  expect(code).not.toBe(0)
}

async function transfers(bytes: string, direction: readonly string[] = []): Promise<void> {
  const iperf = ['iperf3', '-n', bytes, '-c', bobAddress, ...direction]
  const { code, stdout, stderr } = await mesh.alice.host.exec(iperf, { deadlineMs: 60_000 })
  expect(code, stdout + stderr).toBe(0)
}

test('netcheck tells what each NAT lets in and turns back, what answers, and what each link carries', async () => {
  const check = (member: Member) => member.json<FullNetcheck>(['netcheck', '--refresh'])
  const [alice, bob] = await Promise.all([check(mesh.alice), check(mesh.bob)])
  const both = {
    udp: { reached: true },
    ipv4: { reached: true },
    tcp: [{ name: 'hub hub', outcome: 'connected' }],
    hubs: [{ name: 'hub', rttMs: expect.any(Number) }],
    links: [{ mtu: 1500 }],
  }
  const mapping = 'endpoint-independent'
  expect(alice).toMatchObject({
    ...both,
    nat: { mapping, filtering: 'address-and-port-dependent' },
    hairpin: false,
  })
  expect(bob).toMatchObject({
    ...both,
    nat: { mapping, filtering: 'address-dependent' },
    hairpin: true,
  })
  expect(bob.filteringEvidence).toContain('203.0.113.201:3478')
})

test('where every hop carries 1500 bytes a direct path carries 1420, and one with a hub behind it what the hub carries', async () => {
  await carries(mesh.alice, mesh.hub, 1420, 20_000)
  await carries(mesh.alice, mesh.bob, 1392, 20_000)
  await carries(mesh.bob, mesh.alice, 1392, 20_000)
  await transfers('20M')
  await transfers('20M', ['-R'])
})

test('when a hop shrinks under a transfer and says so, the transfer goes on', async () => {
  const running = transfers('60M')
  await lab.set('wan-a', { mtu: 1400 })
  await running
  await transfers('5M', ['-R'])
  await carries(mesh.alice, mesh.bob, 1296, 30_000)
})

test('when a hop shrinks further and swallows what is larger in silence, the transfer goes on', async () => {
  const running = transfers('60M')
  await lab.set('wan-a', { mtu: 1384, mtuBlackhole: true })
  await running
  await carries(mesh.alice, mesh.bob, 1280, 30_000)
  await transfers('5M', ['-R'])
})

test('when the hop is as wide as before, larger packets are sent again', async () => {
  await lab.set('wan-a', { mtu: 1500, mtuBlackhole: false })
  await mesh.alice.do(['netcheck', '--refresh'])
  await carries(mesh.alice, mesh.bob, 1392, 20_000)
})

test('netcheck of a host without NAT says so, and that others have tried and got in', async () => {
  expect(await mesh.hub.json<FullNetcheck>(['netcheck', '--refresh'])).toMatchObject({
    nat: { mapping: 'none', filtering: 'endpoint-independent' },
    hairpin: null,
    dialable: true,
    doors: [{ udp: true, tcp: true, known: 'tried' }],
  })
})

const silence = { reached: false }

test.each([
  ['full-cone', { nat: { mapping: 'endpoint-independent', filtering: 'endpoint-independent' } }],
  [
    'symmetric',
    {
      nat: { mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent' },
      hairpin: null,
    },
  ],
  ['udp-blocked', { nat: { mapping: 'udp-blocked' }, udp: silence, tcp443: true }],
] as const)('netcheck tells of a NAT that has become %s', async (kind, expected) => {
  const { bob } = mesh
  await lab.set('home-b', { kind })
  await bob.host.waitFor(
    async () => {
      const found = await bob.json<FullNetcheck>(['netcheck', '--refresh'])
      expect(found).toMatchObject(expected)
      return true
    },
    { deadlineMs: 60_000, pollMs: 300, what: `netcheck finds a NAT that is ${kind}` },
  )
})
