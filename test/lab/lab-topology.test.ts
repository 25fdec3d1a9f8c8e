// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'

let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    name: 'topology',
    hosts: {
      hub: { ipv6: true },
      alice: { behind: 'home' },
      anna: { behind: 'home' },
      bob: { behind: 'other' },
      laptop: { uplinks: [{ behind: 'home' }, { behind: 'radio' }] },
      server: { behind: 'office' },
    },
    nats: {
      home: { kind: 'port-restricted', ipv6: 'firewall' },
      other: { kind: 'symmetric', behind: 'carrier' },
      carrier: { kind: 'full-cone', lan: '100.64.0.0/16' },
      radio: { kind: 'symmetric', lan: '10.20.0.0/24' },
      office: { kind: 'firewall' },
    },
    services: {
      turn: {
        kind: 'coturn',
        on: 'hub',
        turn: { user: 'mesh', password: 'gate', realm: 'lab' },
      },
    },
  })
})
afterAll(async () => lab.stop())

async function reaches(from: string, to: string, ...options: string[]): Promise<boolean> {
  const { code } = await lab.host(from).exec(['ping', '-c', '1', '-W', '1', ...options, to])
  return code === 0
}

test('hosts behind one NAT reach each other in their LAN, and those behind another do not', async () => {
  expect(await reaches('alice', lab.host('anna').address)).toBe(true)
  expect(await reaches('bob', lab.host('anna').address)).toBe(false)
})

test('every host reaches the internet, and none behind a NAT is reached from it', async () => {
  for (const name of ['alice', 'anna', 'bob', 'laptop', 'server']) {
    expect(await reaches(name, 'hub'), name).toBe(true)
  }
  expect(await reaches('hub', lab.host('alice').address)).toBe(false)
})

test('a server behind a plain firewall keeps its public address', async () => {
  const capture = await lab.host('hub').capture('eth0', 'icmp')
  await reaches('server', 'hub')
  const { text } = await capture.stop()
  expect(text).toContain(`${lab.host('server').address} > ${lab.host('hub').address}`)
})

test('IPv6 goes through the site’s router, and in only as an answer', async () => {
  const six = (name: string) => lab.host(name).addresses.find((address) => address.includes(':'))
  expect(await reaches('alice', six('hub') ?? '')).toBe(true)
  expect(await reaches('hub', six('alice') ?? '')).toBe(false)
})

test('a host with two uplinks uses the second when the first loses its route', async () => {
  expect(await reaches('laptop', 'hub', '-I', 'eth1')).toBe(true)
  await lab.set('laptop-home', { unplugged: true })
  const laptop = lab.host('laptop')
  await laptop.waitFor(
    async () => (await laptop.run(['ip', 'link', 'show', 'eth0'])).includes('NO-CARRIER'),
    { deadlineMs: 5000, what: 'eth0 loses its carrier' },
  )
  await laptop.run(['ip', 'route', 'del', 'default', 'dev', 'eth0'])
  expect(await reaches('laptop', 'hub', '-4')).toBe(true)
  await lab.set('laptop-home', { unplugged: false })
  expect(await laptop.run(['ip', 'link', 'show', 'eth0'])).not.toContain('NO-CARRIER')
})

test('a roaming host keeps its interface and gets an address of the other network', async () => {
  const addresses = async () => {
    const { hosts } = await lab.status()
    return hosts.find(({ name }) => name === 'anna')?.addresses
  }
  await lab.set('anna', { behind: 'radio' })
  expect(await addresses()).toEqual(['10.20.0.100'])
  expect(await reaches('anna', 'hub')).toBe(true)
  await lab.set('anna', { behind: 'internet' })
  expect(await addresses()).toEqual(['203.0.113.100'])
  expect(await reaches('hub', '203.0.113.100')).toBe(true)
  await lab.set('anna', { behind: 'home' })
  expect(await reaches('alice', '192.168.1.100')).toBe(true)
  await expect(lab.set('anna', { behind: 'nowhere' })).rejects.toThrow('choose one of home')
})

test('the TURN server relays for whoever has the account', async () => {
  const client = ['turnutils_uclient', '-y', '-n', '3', '-m', '1', '-c', '-u', 'mesh']
  const run = async (password: string) =>
    lab.host('alice').exec([...client, '-w', password, lab.host('hub').address], {
      deadlineMs: 30_000,
    })
  expect((await run('gate')).code).toBe(0)
  expect((await run('wrong')).code).not.toBe(0)
})

test('a command that ends reports its code, and one that goes on can be stopped', async () => {
  const alice = lab.host('alice')
  expect((await alice.exec(['sh', '-c', 'kill -TERM $$'])).code).toBe(143)
  const process = alice.spawn(['sh', '-c', 'echo working; exec sleep 1000'], { log: 'work.log' })
  await alice.waitFor(async () => (await process.output()).includes('working'), {
    deadlineMs: 5000,
    what: 'the command works',
  })
  expect(process.isRunning).toBe(true)
  expect(await process.stop()).toBe(143)
  await expect(alice.exec(['sleep', '1000'], { deadlineMs: 100 })).rejects.toThrow('100 ms')
})

test('a wait that fails leaves logs and a trace', async () => {
  const hub = lab.host('hub')
  const failure = await hub
    .waitFor(() => false, { deadlineMs: 50, what: 'the impossible happens' })
    .catch((error: Error) => error.message)
  expect(failure).toContain('hub: the impossible happens')
  const directory = /logs and trace: (\S+)/.exec(String(failure))?.[1] ?? ''
  expect(readFileSync(`${directory}/trace.txt`, 'utf8')).toContain('home# nft list ruleset')
  expect(readFileSync(`${directory}/hosts/hub/turn.log`, 'utf8')).toContain('user mesh')
  rmSync(directory, { recursive: true })
})
