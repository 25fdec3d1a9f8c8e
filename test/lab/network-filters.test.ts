// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'

/** Networks that drop what they do not like, and hops that carry less than others: seen by outside programs. */
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
let lab: Lab
let server: LabHost
let alice: LabHost

beforeAll(async () => {
  lab = await startLab({
    name: 'filters',
    hosts: { server: { ipv6: true }, alice: { behind: 'home', link: { name: 'alice-lan' } } },
    nats: { home: { kind: 'port-restricted', ipv6: 'firewall', link: { name: 'home-wan' } } },
  })
  server = lab.host('server')
  alice = lab.host('alice')
  server.spawn([node, '-e', echoScript, '443', '5000', '51820'], { log: 'echo.log' })
  await server.waitFor(async () => (await server.run(['ss', '-Hlnu'])).includes(':51820'), {
    deadlineMs: 5000,
    what: 'the echo server listens',
  })
})
afterAll(async () => lab?.stop())
beforeEach(async () => {
  await lab.set('home-wan', { dropWireguard: false, udp: 'open', mtu: 1500, mtuBlackhole: false })
})

const echoScript =
  "for (const port of process.argv.slice(1)) { const socket = require('node:dgram').createSocket('udp6');" +
  "socket.on('message', (text, from) => socket.send(text, from.port, from.address)).bind(+port) }"

const askScript =
  'const [, address, port, bytes, first] = process.argv; const datagram = Buffer.alloc(+bytes); datagram[0] = +first;' +
  "const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');" +
  "socket.on('message', () => process.exit(0)); socket.send(datagram, +port, address);" +
  'setTimeout(() => process.exit(7), 400)'

/** Whether a datagram of that length, beginning with that byte and zeroes, comes back. */
async function echoes(port: number, bytes = 16, first = 9, to = server.address): Promise<boolean> {
  const { code } = await alice.exec([node, '-e', askScript, to, `${port}`, `${bytes}`, `${first}`])
  if (code !== 0 && code !== 7) throw new Error(`the datagram's sender ended with ${code}`)
  return code === 0
}

/** Whether the server answers a ping that may not be fragmented and fills so many bytes of IP packet. */
async function pings(bytes: number): Promise<{ answered: boolean; output: string }> {
  const few = ['-c', '2', '-i', '0.3', '-W', '0.5']
  const size = ['-M', 'do', '-s', String(bytes - 28)]
  const { code, stdout, stderr } = await alice.exec(['ping', ...few, ...size, server.address])
  return { answered: code === 0, output: stdout + stderr }
}

test('a network that drops WireGuard drops its four messages over both address families, and nothing else', async () => {
  await lab.set('home', { dropWireguard: true })
  const ipv6 = server.addresses.find((address) => address.includes(':')) ?? ''
  const wireguard = await Promise.all([
    echoes(51_820, 148, 1),
    echoes(51_820, 92, 2),
    echoes(51_820, 64, 3),
    echoes(51_820, 32, 4),
    echoes(443, 1280, 4),
    echoes(51_820, 148, 1, ipv6),
  ])
  expect(wireguard).toEqual(wireguard.map(() => false))
  const other = await Promise.all([
    echoes(51_820, 148, 2),
    echoes(51_820, 33, 4),
    echoes(51_820, 60, 0),
    echoes(51_820, 150, 1, ipv6),
  ])
  expect(other).toEqual(other.map(() => true))
})

test('a filter works in one direction if it is set for one', async () => {
  await lab.set('home-wan', { in: { udp: 'blocked' } })
  const capture = await server.capture('eth0', 'udp port 5000')
  expect(await echoes(5000)).toBe(false)
  await server.waitFor(
    async () => (await server.run(['tcpdump', '-nr', capture.pcapFile])) !== '',
    {
      deadlineMs: 5000,
      what: "alice's datagram comes to the server",
    },
  )
  await capture.stop()
})

test.each([
  ['open', [true, true]],
  ['blocked', [false, false]],
  ['only-443', [true, false]],
  ['not-443', [false, true]],
] as const)('UDP %s: port 443 and other ports get through: %j', async (udp, expected) => {
  await lab.set('home-wan', { udp })
  expect(await Promise.all([echoes(443), echoes(5000)])).toEqual(expected)
  expect((await pings(84)).answered).toBe(true)
})

test('a hop of a smaller MTU is told to the sender of a larger packet', async () => {
  await lab.set('home-wan', { mtu: 1280 })
  expect((await pings(1280)).answered).toBe(true)
  const large = await pings(1281)
  expect(large.answered).toBe(false)
  expect(large.output).toMatch(/mtu.?=.?1280/i)
})

test('a hop that swallows large packets tells nobody, in either direction', async () => {
  await alice.run(['ip', 'route', 'flush', 'cache'])
  await lab.set('home-wan', { mtu: 1280, mtuBlackhole: true })
  expect((await pings(1280)).answered).toBe(true)
  const large = await pings(1400)
  expect(large.answered).toBe(false)
  expect(large.output).not.toMatch(/mtu/i)
  await lab.set('home-wan', { mtuBlackhole: false, mtu: 1500 })
  expect((await pings(1400)).answered).toBe(true)
})
