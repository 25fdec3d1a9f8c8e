// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'

/** Routers that map ports when they are asked: miniupnp's own clients and a PCP request made by hand. */
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
const all = ['upnp', 'nat-pmp', 'pcp'] as const
const router = '192.168.1.1'
const innerPort = 4000
let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    name: 'portmapping',
    hosts: {
      stranger: {},
      alice: { behind: 'home' },
      anna: { behind: 'plain' },
      adam: { behind: 'hard' },
      bob: { behind: 'old' },
      carol: { behind: 'inner' },
      dave: { behind: 'broken' },
    },
    nats: {
      home: { kind: 'port-restricted', portMapping: [...all] },
      plain: { kind: 'masquerade', portMapping: [...all] },
      hard: { kind: 'symmetric', portMapping: [...all] },
      old: { kind: 'port-restricted', portMapping: ['nat-pmp'] },
      carrier: { kind: 'full-cone', lan: '100.64.0.0/16' },
      inner: { kind: 'port-restricted', behind: 'carrier', portMapping: ['nat-pmp'] },
      broken: { kind: 'port-restricted', badPortMapping: 'nonsense' },
    },
  })
  for (const name of ['alice', 'anna', 'adam', 'bob']) {
    lab.host(name).spawn([node, '-e', echoScript, String(innerPort)], { log: 'echo.log' })
  }
})
afterAll(async () => lab?.stop())

const echoScript =
  "const socket = require('node:dgram').createSocket('udp4'); socket.bind(+process.argv[1]);" +
  "socket.on('message', (text, from) => socket.send(text, from.port, from.address))"

const askScript =
  "const [, address, port, hex] = process.argv; const socket = require('node:dgram').createSocket('udp4');" +
  "socket.on('message', (answer) => { console.log(answer.toString('hex')); process.exit(0) });" +
  "socket.send(Buffer.from(hex, 'hex'), +port, address); setTimeout(() => process.exit(7), 500)"

/** The answer to a datagram, in hex; undefined if there is none. */
async function ask(
  from: LabHost,
  to: string,
  port: number,
  hex: string,
): Promise<string | undefined> {
  const { code, stdout } = await from.exec([node, '-e', askScript, to, `${port}`, hex])
  return code === 0 ? stdout.trim() : undefined
}

/** Whether a host of the internet, to which nobody behind the NAT has ever sent, reaches the inner port by that one. */
async function isOpen(nat: string, port: number): Promise<boolean> {
  return (await ask(lab.host('stranger'), lab.host(nat).address, port, 'cafe')) === 'cafe'
}

const opened = { deadlineMs: 5000, what: 'the mapped port is open', pollMs: 100 }

async function mapByUpnp(host: LabHost, port: number): Promise<void> {
  // -i: the client, too, takes addresses of TEST-NET for private ones.
  const wish = ['-a', host.address, String(innerPort), String(port), 'UDP', '60']
  await host.run(['upnpc', '-i', ...wish])
}

async function mapByNatPmp(host: LabHost, port: number, lifetimeS = 60): Promise<number> {
  const wish = ['-g', router, '-a', String(port), String(innerPort), 'udp', String(lifetimeS)]
  return (await host.exec(['natpmpc', ...wish])).code
}

/** A MAP request (RFC 6887 sections 7.1 and 11.1) for UDP; returns version, opcode and result, in hex. */
async function mapByPcp(host: LabHost, port: number): Promise<string | undefined> {
  const client = Buffer.from(host.address.split('.').map(Number)).toString('hex')
  const mapped = (ip: string) => `00000000000000000000ffff${ip}`
  const hexPort = (value: number) => value.toString(16).padStart(4, '0')
  const header = `020100000000003c${mapped(client)}`
  const map = `${'5a'.repeat(12)}11000000${hexPort(innerPort)}${hexPort(port)}${mapped('00000000')}`
  return (await ask(host, router, 5351, header + map))?.slice(0, 8)
}

/** The router's answer to a search for gateways (UPnP Device Architecture 1.3.2). */
async function findGateway(host: LabHost): Promise<string | undefined> {
  const wanted = 'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1'
  const lines = [
    'M-SEARCH * HTTP/1.1',
    'HOST: 239.255.255.250:1900',
    wanted,
    'MAN: "ssdp:discover"',
  ]
  const search = Buffer.from(`${[...lines, 'MX: 1'].join('\r\n')}\r\n\r\n`)
  const answer = await ask(host, '239.255.255.250', 1900, search.toString('hex'))
  return answer === undefined ? undefined : Buffer.from(answer, 'hex').toString()
}

const success = '02810000'

describe.each([
  ['home', 'alice'],
  ['plain', 'anna'],
  ['hard', 'adam'],
])('a port that %s is asked for by %s is reachable from the internet', (nat, name) => {
  test.concurrent('UPnP', async () => {
    expect(await isOpen(nat, 5001)).toBe(false)
    await mapByUpnp(lab.host(name), 5001)
    await lab.host(name).waitFor(async () => isOpen(nat, 5001), opened)
  })
  test.concurrent('NAT-PMP', async () => {
    expect(await mapByNatPmp(lab.host(name), 5002)).toBe(0)
    await lab.host(name).waitFor(async () => isOpen(nat, 5002), opened)
  })
  test.concurrent('PCP', async () => {
    expect(await mapByPcp(lab.host(name), 5003)).toBe(success)
    await lab.host(name).waitFor(async () => isOpen(nat, 5003), opened)
  })
})

test('a router that speaks one protocol is silent in the others', async () => {
  const bob = lab.host('bob')
  expect(await mapByPcp(bob, 5003)).toBeUndefined()
  expect(await findGateway(bob)).toBeUndefined()
  expect(await findGateway(lab.host('alice'))).toContain('InternetGatewayDevice')
  expect(await mapByNatPmp(bob, 5002)).toBe(0)
})

test('a mapping ends with its lifetime, and with a reboot of the router', async () => {
  const bob = lab.host('bob')
  await mapByNatPmp(bob, 5010, 2)
  await bob.waitFor(async () => isOpen('old', 5010), opened)
  await bob.waitFor(async () => !(await isOpen('old', 5010)), {
    deadlineMs: 10_000,
    what: 'the mapping has ended',
    pollMs: 200,
  })
  await mapByNatPmp(bob, 5011)
  await bob.waitFor(async () => isOpen('old', 5011), opened)
  await lab.set('old', { reboot: true })
  expect(await isOpen('old', 5011)).toBe(false)
  expect(await mapByNatPmp(bob, 5011)).toBe(0)
})

test('a router that is itself behind a NAT maps nothing', async () => {
  expect(await mapByNatPmp(lab.host('carol'), 5002)).not.toBe(0)
})

test('a router that talks nonsense answers, each time differently, and never with a mapping', async () => {
  const dave = lab.host('dave')
  const answers = []
  for (let n = 0; n < 7; n++) answers.push(await ask(dave, router, 5351, '0000'))
  expect(answers).not.toContain(undefined)
  expect(new Set(answers).size).toBe(7)
  expect(await mapByNatPmp(dave, 5002)).not.toBe(0)
})

test('what a router speaks can change while the lab runs', async () => {
  const dave = lab.host('dave')
  await lab.set('broken', { badPortMapping: 'none', portMapping: ['pcp'] })
  expect(await mapByPcp(dave, 5003)).toBe(success)
  expect(await ask(dave, router, 5351, '0000')).toBeUndefined()
  await lab.set('broken', { portMapping: [] })
  expect(await mapByPcp(dave, 5003)).toBeUndefined()
})
