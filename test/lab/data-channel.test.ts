// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** A network on alice's way lets probes pass and drops WireGuard, and the only member that others can reach does not relay. */
let lab: Lab
let mesh: Record<'hub' | 'alice' | 'bob', Member>
let bobAddress: string

/** What pings carry, so that it would be seen in the open. */
const PLAINTEXT = 'open secret!'
const PATTERN = Buffer.from(PLAINTEXT).toString('hex')

beforeAll(async () => {
  lab = await startLab({
    name: 'channel',
    hosts: { hub: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted' },
    },
  })
  mesh = await startMesh(lab, ['hub', 'alice', 'bob'], { hub: 'relay = false' })
  await mesh.alice.reaches('bob')
  bobAddress = await meshAddress(mesh.alice, 'bob')
  await mesh.alice.pings(bobAddress)
})

afterAll(async () => {
  await lab?.stop()
})

/** Bob answers, and the answer came over this kind of path. */
async function answersOver(kind: string, deadlineMs: number): Promise<void> {
  const ping = ['--json', 'ping', '-c', '1', 'bob']
  await mesh.alice.host.waitFor(
    async () => (await mesh.alice.try(ping)).stdout.includes(`"kind":"${kind}"`),
    { deadlineMs, what: `bob answers over ${kind}`, pollMs: 100 },
  )
}

/** The process ids of the channel processes on a host: all hosts of a lab share one table of processes. */
async function channelProcesses({ host }: Member): Promise<string[]> {
  const own = '[ "$(readlink /proc/$p/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo $p'
  const script = `for p in $(pgrep -f '^meshgate-channels'); do ${own}; done; true`
  return (await host.run(['bash', '-c', script])).split('\n').filter((line) => line !== '')
}

/** A new address of alice's own link becomes a candidate in her record; resolves once bob has it. */
async function newsTravel(address: string, deadlineMs: number): Promise<void> {
  await mesh.alice.host.run(['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0'])
  await mesh.bob.host.waitFor(
    async () => (await mesh.bob.do(['--json', 'why', 'alice'])).includes(`"${address}:`),
    { deadlineMs, what: `bob hears of alice's address ${address}`, pollMs: 200 },
  )
}

test('where nothing that looks like WireGuard passes, packets go over a data channel', async () => {
  expect(await channelProcesses(mesh.alice)).toEqual([])
  await lab.set('wan-a', { dropWireguard: true })
  await answersOver('channel', 30_000)
  // While an address is checked once more, that is what is said.
  await mesh.alice.host.waitFor(
    async () => {
      const { why } = await mesh.alice.peer('bob')
      return /^over a data channel \(WebRTC\): .* drops what looks like WireGuard$/.test(why)
    },
    { deadlineMs: 30_000, what: 'alice says what stands in the way', pollMs: 200 },
  )
  expect(await mesh.bob.do(['why', 'alice'])).toMatch(/path: +channel/)
})

test('nothing on that way looks like WireGuard, and nothing can be read', async () => {
  const from = lab.host('home-a').address
  const capture = await lab.host('internet').capture('any', 'udp')
  await mesh.alice.pings(bobAddress, '-c', '20', '-i', '0.1', '-p', PATTERN)
  const { packets, text, pcapFile } = await capture.stop()
  expect(packets.length).toBeGreaterThan(40)
  expect(await mesh.alice.host.run(['grep', '-c', PLAINTEXT, pcapFile]).catch(() => 'none')).toBe(
    'none',
  )
  const payload = 'udp[8:4]'
  const types = [1, 2, 3, 4].map((type) => `${payload} = 0x0${type}000000`).join(' or ')
  const read = (filter: string) =>
    lab.host('internet').run(['tcpdump', '-n', '-r', pcapFile, `src host ${from} and (${filter})`])
  expect(await read(types)).toBe('')
  // DTLS 1.2 (RFC 6347), application data.
  expect(await read(`${payload} & 0xffffff00 = 0x17fefd00`), text).not.toBe('')
})

test('when the channel process is killed, nothing else suffers, and the channel comes back', async () => {
  const [victim, ...others] = await channelProcesses(mesh.alice)
  expect(others).toEqual([])
  await mesh.alice.host.run(['kill', '-9', victim!])
  expect((await mesh.alice.status()).self.neighbours).toEqual(['hub'])
  expect(await mesh.bob.do(['ping', '-c', '1', 'hub'])).toContain('hub answers')
  await answersOver('channel', 30_000)
  expect(await channelProcesses(mesh.alice)).not.toContain(victim)
})

test('packets of full size go over the channel, and go on while the agent is killed and started again', async () => {
  await mesh.alice.pings(bobAddress, '-M', 'do', '-s', '1252')
  const before = await channelProcesses(mesh.alice)
  const ping = mesh.alice.host.spawn(['ping', '-i', '0.1', '-c', '80', bobAddress])
  mesh.alice.process.kill('SIGKILL')
  await mesh.alice.process.exit
  await mesh.alice.run()
  await mesh.alice.reaches('bob', 'channel')
  expect(await ping.exit).toBe(0)
  expect(await ping.output()).toContain('80 received, 0% packet loss')
  expect(await channelProcesses(mesh.alice)).toEqual(before)
})

test('when the only member that can be dialled is gone for good, news still travels', async () => {
  await mesh.hub.stop()
  await newsTravel('192.168.1.77', 30_000)
  expect((await mesh.bob.status()).self.neighbours).toEqual(['alice'])
})

test('when the network stops dropping, traffic goes straight again, and channel and process end', async () => {
  await lab.set('wan-a', { dropWireguard: false })
  await answersOver('direct', 70_000)
  for (const member of [mesh.alice, mesh.bob]) {
    await member.host.waitFor(async () => (await channelProcesses(member)).length === 0, {
      deadlineMs: 40_000,
      what: 'the channel process ends',
      pollMs: 500,
    })
  }
  await newsTravel('192.168.1.78', 30_000)
  await answersOver('direct', 5_000)
})
