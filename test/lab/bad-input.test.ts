// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clockShift, DAY_MS } from '../../netns-lab/clock-shift.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'

/** What hostile or careless people do to a running network: a clear error or silence, and nothing is lost. */
let lab: Lab
let hub: Member
let guest: Member

const member = (name: string) => new Member(lab.host(name))

beforeAll(async () => {
  lab = await startLab({
    name: 'bad-input',
    hosts: {
      hub: {},
      guest: {},
      racer1: {},
      racer2: {},
      late: {},
      stranger: {},
      notun: {},
      taken: {},
      noroot: {},
      past: {},
      resolver: {},
      ipv4only: {},
    },
  })
  hub = member('hub')
  guest = member('guest')
  await hub.init()
  await hub.run()
  await guest.join(await hub.createToken())
  await guest.run()
  await guest.reaches('hub')
})

afterAll(async () => {
  await lab?.stop()
})

/** The network as it was: both members up, the tunnel carries data. */
async function nothingIsLost(): Promise<void> {
  expect(hub.process.isRunning && guest.process.isRunning).toBe(true)
  const { addresses } = await guest.reaches('hub')
  await guest.pings(addresses[0]!)
}

test('of two hosts that race for a single-use token exactly one joins', async () => {
  const token = await hub.createToken('--uses', '1')
  const racers = [member('racer1'), member('racer2')]
  const results = await Promise.all(
    racers.map((racer) => racer.try(['join', token, '--name', racer.name])),
  )
  expect(results.map((result) => result.code).sort((a, b) => a - b)).toEqual([0, 1])
  expect(results.find((result) => result.code === 1)?.stderr).toMatch(/used as often as it allows/)
  await nothingIsLost()
})

test('an expired, a truncated, a foreign and a revoked token are told apart', async () => {
  const late = member('late')
  const refusal = async (token: string) => {
    const result = await late.try(['join', token, '--name', 'late'])
    expect(result.code).toBe(1)
    return result.stderr
  }
  const brief = await hub.createToken('--expires', '1s')
  await lab
    .host('hub')
    .waitFor(async () => (await tokens()).some((one) => one.state === 'expired'), {
      deadlineMs: 5_000,
      what: 'the token expires',
    })
  expect(await refusal(brief)).toMatch(/expired/)

  const good = await hub.createToken()
  expect(await refusal(good.slice(0, -20))).toMatch(/cut off/)
  const stranger = member('stranger')
  await stranger.init()
  const foreign = await stranger.createToken(
    '--bootstrap',
    `${hub.host.address}:${await hubPort()}`,
  )
  expect(await refusal(foreign)).toMatch(/could not be reached|no answer|refused/)

  const valid = (await tokens()).find((one) => one.state === 'valid')!
  await hub.do(['token', 'revoke', valid.id])
  expect(await refusal(good)).toMatch(/revoked/)
  await nothingIsLost()
})

async function tokens(): Promise<{ id: string; state: string }[]> {
  return hub.json(['token', 'list'])
}

async function hubPort(): Promise<number> {
  return (await hub.status()).self.listenPort
}

test('random bytes on the UDP port, the libp2p port and the helper socket change nothing', async () => {
  const { listenPort } = (await hub.status()).self
  const udp = `for i in $(seq 200); do head -c $((RANDOM % 1400 + 1)) /dev/urandom >/dev/udp/${hub.host.address}/${listenPort}; done`
  await lab.host('late').run(['bash', '-c', udp])
  const tcp = `for i in $(seq 20); do head -c 5000 /dev/urandom >/dev/tcp/${hub.host.address}/${listenPort}; done 2>/dev/null; true`
  await lab.host('late').run(['bash', '-c', tcp])
  const unix = `const net = require('node:net'), { randomBytes } = require('node:crypto')
    let left = 20
    for (let i = 0; i < 20; i++) {
      const socket = net.connect('/run/meshgate/helper.sock', () => socket.end(randomBytes(4096)))
      socket.on('error', () => {}).on('close', () => { if (--left === 0) process.exit(0) })
      socket.resume()
    }`
  await hub.host.run([process.execPath, '-e', unix])
  await nothingIsLost()
})

test('a configuration with three faults is refused with all three named, before anything is touched', async () => {
  const config = `${hub.host.stateDir}/bad.toml`
  const text = 'mtu = 12\\ninterfce = "x"\\nlisten_port = "many"\\n'
  await hub.host.run(['bash', '-c', `printf '${text}' >${config}`])
  const result = await hub.try(['--config', config, '--run-dir', '/run/other', 'run'])
  expect(result.code).not.toBe(0)
  for (const fault of ['mtu', 'interfce', 'listen_port']) expect(result.stderr).toContain(fault)
  expect(result.stderr).toContain('interface')
  await nothingIsLost()
})

test('a missing TUN device is named, with what to do', async () => {
  const notun = member('notun')
  await notun.join(await hub.createToken())
  await notun.host.run(['mount', '-t', 'tmpfs', 'none', '/dev/net'])
  await notun.run()
  const { problem } = await notun.host.waitFor(
    async () => {
      const { helper } = (await notun.status()).self
      return helper.problem === null ? undefined : helper
    },
    { deadlineMs: 10_000, what: 'status names the problem' },
  )
  expect(problem).toMatch(/tun/i)
  await nothingIsLost()
})

test('a taken port is named, and used as soon as it is free', async () => {
  const taken = member('taken')
  await taken.join(await hub.createToken())
  const hold = `require('node:dgram').createSocket('udp4').bind(23456)`
  const holder = taken.host.spawn([process.execPath, '-e', hold], { log: 'holder.log' })
  const config = `${taken.host.stateDir}/taken.toml`
  await taken.host.run(['bash', '-c', `echo 'listen_port = 23456' >${config}`])
  await taken.run('--config', config)
  const problem = await taken.host.waitFor(
    async () => (await taken.status()).self.helper.problem ?? undefined,
    { deadlineMs: 10_000, what: 'status names the problem' },
  )
  expect(problem).toMatch(/23456/)
  await holder.stop()
  await taken.reaches('hub')
})

test('without root, run says what is needed', async () => {
  const command = 'bin/meshgate --state-dir /tmp/meshgate-noroot --run-dir /run run'
  const nobody = ['setpriv', '--reuid=65534', '--clear-groups', '--bounding-set=-all']
  const { code, stderr } = await lab.host('noroot').exec([...nobody, ...command.split(' ')])
  expect(code).toBe(1)
  expect(stderr).toMatch(/root|not a member/)
})

test('a host whose clock stands in the past is told to set it, and is let in once it is right', async () => {
  const past = member('past')
  const token = await hub.createToken()
  const behind = ['env', `NODE_OPTIONS=${clockShift(-400 * DAY_MS)}`]
  const words = ['bin/meshgate', '--state-dir', past.stateDir, 'join', token, '--name', 'past']
  const { code, stderr } = await past.host.exec([...behind, ...words])
  expect(code).toBe(1)
  expect(stderr).toMatch(/not valid yet by the clock of this host.*set the clock/s)
  await past.join(token)
  await past.run()
  await past.reaches('hub')
  await nothingIsLost()
})

test('where another resolver has port 53 the names of the mesh resolve, and it goes on being asked', async () => {
  const resolver = member('resolver')
  // No such name, says it to everything.
  const answer = `const udp = require('node:dgram').createSocket('udp4').bind(53)
    udp.on('message', (query, from) => {
      require('node:fs').appendFileSync(process.argv[1], query.toString('latin1'))
      query.writeUInt16BE(0x8183, 2)
      udp.send(query, from.port, from.address)
    })
    require('node:net').createServer().listen(53)`
  const asked = `${resolver.host.stateDir}/asked.txt`
  const other = resolver.host.spawn([process.execPath, '-e', answer, asked], { log: 'other.log' })
  await resolver.host.run(['sh', '-c', 'echo nameserver 127.0.0.1 >/etc/resolv.conf'])
  await resolver.join(await hub.createToken())
  await resolver.run()
  const { addresses } = await resolver.reaches('hub')
  const found = await resolver.host.waitFor(
    async () => {
      const { code, stdout } = await resolver.host.exec(['getent', 'ahostsv4', 'hub.lab.mesh'])
      return code === 0 ? stdout : undefined
    },
    { deadlineMs: 15_000, what: 'the name of a member resolves' },
  )
  expect(found).toContain(addresses[0])
  await resolver.host.exec(['getent', 'ahostsv4', 'elsewhere.example'])
  expect(await resolver.host.run(['cat', asked])).toContain('elsewhere')
  expect(other.isRunning).toBe(true)
  await other.stop()
})

test('a host without IPv6 is a member over IPv4', async () => {
  const lone = member('ipv4only')
  await lone.host.run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'])
  await lone.join(await hub.createToken())
  await lone.run()
  const { addresses } = await lone.reaches('hub')
  await lone.pings(addresses.find((address) => address.includes('.'))!)
  expect((await lone.status()).self.helper.problem).toBeNull()
})
