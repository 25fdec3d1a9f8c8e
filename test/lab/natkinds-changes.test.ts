// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { coturnVerdict, mappedEndpoint, vovidaVerdict } from './nat-classifier.ts'

const server = '198.51.100.10'
let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    name: 'natchanges',
    hosts: {
      stun: { address: [server, '198.51.100.11'] },
      alice: { behind: 'home' },
      carol: {},
    },
    nats: { home: { kind: 'port-restricted' } },
    services: { stun: { kind: 'coturn', on: 'stun' } },
  })
})
afterAll(async () => lab.stop())

test('a router that restarts forgets its mappings', async () => {
  const alice = lab.host('alice')
  const before = await mappedEndpoint(alice, server, 5000)
  expect(await mappedEndpoint(alice, server, 5000)).toBe(before)
  await lab.set('home', { reboot: true })
  expect(await mappedEndpoint(alice, server, 5000)).not.toBe(before)
})

test('a router that gets another public address is seen under it, and the old one is gone', async () => {
  const alice = lab.host('alice')
  const old = lab.host('home').address
  await lab.set('home', { address: '203.0.113.77' })
  expect(await mappedEndpoint(alice, server, 5000)).toMatch(/^203\.0\.113\.77:/)
  const ping = (address: string) => lab.host('carol').exec(['ping', '-c', '1', '-W', '1', address])
  expect((await ping('203.0.113.77')).code).toBe(0)
  expect((await ping(old)).code).not.toBe(0)
})

test('a router swapped for another kind behaves as that kind at once', async () => {
  await lab.set('home', { kind: 'symmetric' })
  expect((await coturnVerdict(lab.host('alice'), server)).mapping).toBe(
    'Address and Port Dependent Mapping',
  )
  await lab.set('home', { kind: 'full-cone', hairpin: 'external' })
  expect(await vovidaVerdict(lab.host('alice'), server)).toBe('0x000002')
})

test("a host's firewall goes up and down", async () => {
  await lab.set('carol', { firewall: true })
  expect(await vovidaVerdict(lab.host('carol'), server)).toBe('0x00000b')
  await lab.set('carol', { firewall: false })
  expect(await vovidaVerdict(lab.host('carol'), server)).toBe('0x000001')
})

test('a change that cannot be is refused with a reason', async () => {
  await expect(lab.set('home', { kind: 'firewall' })).rejects.toThrow('describe another lab')
  await expect(lab.set('nobody', { delayMs: 1 })).rejects.toThrow('NATs: home')
  await expect(lab.set('alice', { delayMs: -1, lossPercent: 101 })).rejects.toThrow(
    /delayMs.*lossPercent/,
  )
})
