// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** Where hosts are in the world, all in one mesh: behind two NATs, behind one, beside each other, behind an IPv6 firewall. */
const names = ['hub', 'other', 'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'ida'] as const
let lab: Lab
let mesh: Record<(typeof names)[number], Member>

beforeAll(async () => {
  lab = await startLab({
    name: 'places',
    hosts: {
      hub: { ipv6: true },
      other: { ipv6: true },
      // Two homes behind a carrier that turns nothing back, and two behind one that does.
      ann: { behind: 'ann-home' },
      ben: { behind: 'ben-home' },
      cat: { behind: 'cat-home' },
      dan: { behind: 'dan-home' },
      // Two on one LAN, behind a NAT with which nobody goes direct.
      eve: { behind: 'office' },
      fay: { behind: 'office' },
      // Two homes whose IPv6 is public, behind firewalls that let only answers in.
      gus: { behind: 'gus-home' },
      ida: { behind: 'ida-home' },
    },
    nats: {
      carrier: { kind: 'full-cone', lan: '100.64.0.0/16', hairpin: 'off' },
      'ann-home': { kind: 'port-restricted', behind: 'carrier' },
      'ben-home': { kind: 'port-restricted', behind: 'carrier' },
      'kind-carrier': { kind: 'full-cone', lan: '100.64.0.0/16', hairpin: 'external' },
      'cat-home': { kind: 'port-restricted', behind: 'kind-carrier' },
      // A hop that carries 1280 bytes.
      'dan-home': { kind: 'port-restricted', behind: 'kind-carrier', link: { mtu: 1280 } },
      office: { kind: 'symmetric', hairpin: 'off' },
      'gus-home': { kind: 'symmetric', ipv6: 'firewall' },
      'ida-home': { kind: 'symmetric', ipv6: 'firewall' },
    },
  })
  // A search would find a direct path between dan and gus within some seconds; here the pair shows what a relay carries.
  mesh = await startMesh(lab, names, { gus: 'birthday_search = false' })
})

afterAll(async () => {
  await lab?.stop()
})

const ping = async (from: Member, to: Member, ...options: string[]) =>
  from.pings(await meshAddress(from, to.name), ...options)

test('a host behind two NATs is reached directly from behind two others', async () => {
  await mesh.ann.reaches('dan')
  await mesh.dan.reaches('ann')
  await ping(mesh.ann, mesh.dan)
})

test('two homes behind a carrier that turns packets back are connected directly', async () => {
  const { path } = await mesh.cat.reaches('dan')
  expect(path.endpoint).toMatch(/^203\.0\.113\./)
  await ping(mesh.cat, mesh.dan)
})

test('two homes behind a carrier that turns nothing back are connected over a hub, and status says why', async () => {
  const { why } = await mesh.ann.host.waitFor(
    async () => {
      const peer = await mesh.ann.reaches('ben', 'relay')
      return peer.why.includes('no hairpin') && peer
    },
    { deadlineMs: 30_000, what: 'status explains the relay', pollMs: 500 },
  )
  expect(why).toMatch(/^relayed over (hub|other): /)
  await ping(mesh.ann, mesh.ben)
})

test('two members on one LAN are connected over the LAN, and no packet of theirs passes the NAT', async () => {
  await mesh.fay.reaches('eve')
  const { path } = await mesh.eve.reaches('fay')
  expect(path.endpoint).toMatch(/^192\.168\.1\./)
  // Their own packets: those that measure other members' paths are larger.
  const capture = await lab.host('office').capture('wan', 'greater 1190 and less 1225')
  await ping(mesh.eve, mesh.fay, '-s', '1100')
  expect((await capture.stop()).packets).toEqual([])
})

test('hosts with public IPv6 behind firewalls are connected over it where their IPv4 never meets', async () => {
  const { path } = await mesh.gus.reaches('ida')
  expect(path.endpoint).toMatch(/^\[2001:db8:/)
  await mesh.ida.reaches('gus')
  await ping(mesh.gus, mesh.ida)
})

test('a hop that carries 1280 bytes lets large pings pass, directly and over a hub', async () => {
  await mesh.dan.reaches('ann')
  await mesh.dan.reaches('gus', 'relay')
  const large = ['-c', '4', '-i', '0.2', '-s', '1200', '-M', 'do']
  for (const [from, to] of [mesh.ann, mesh.gus].flatMap((peer) => [
    [mesh.dan, peer] as const,
    [peer, mesh.dan] as const,
  ])) {
    const address = await meshAddress(from, to.name)
    // A route carries little until its paths have proven more.
    const passes = async () => (await from.host.exec(['ping', ...large, address])).code === 0
    await from.host.waitFor(passes, { deadlineMs: 12_000, what: `${to.name} answers large pings` })
  }
})

test('a hop that carries 1280 bytes lets TCP pass, both ways', async () => {
  await mesh.dan.reaches('ann')
  const address = await meshAddress(mesh.dan, 'ann')
  const server = mesh.ann.host.spawn(['iperf3', '-s', '--forceflush', '-B', address])
  await mesh.ann.host.waitFor(async () => (await server.output()).includes('listening'), {
    deadlineMs: 5000,
    what: 'iperf3 listens',
  })
  // 4 MB at the pace of lost batches would take a minute.
  for (const direction of [[], ['-R']]) {
    const iperf = ['iperf3', '-n', '4M', '-c', address, ...direction]
    const { code, stdout, stderr } = await mesh.dan.host.exec(iperf, { deadlineMs: 20_000 })
    expect(code, stdout + stderr).toBe(0)
  }
  await server.stop()
})
