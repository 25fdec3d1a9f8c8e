// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { meshAddress, steadyPing } from './mesh.ts'

/**
 * A network in which nobody relays: hosts that no punch connects meet over TURN, or not at all. The first member is there
 * to be dialled; clerk's office lets out TCP alone, and its hub listens where that gets through.
 */
let lab: Lab
let hub: Member
let alice: Member
let bob: Member
let clerk: Member

interface TurnServers {
  readonly turnServers: readonly object[]
}

const server = (id: string, url: string, credentials: string) =>
  `[[turn]]\nid = "${id}"\nurl = "${url}"\nusername = "mesh"\n${credentials}\n`

beforeAll(async () => {
  lab = await startLab({
    name: 'turn-mesh',
    hosts: {
      hub: {},
      turn: {},
      rest: {},
      alice: { behind: 'home-a' },
      bob: { behind: 'home-b' },
      clerk: { behind: 'office' },
    },
    nats: {
      'home-a': { kind: 'symmetric' },
      'home-b': { kind: 'symmetric' },
      office: { kind: 'udp-blocked' },
    },
    services: {
      turn: {
        kind: 'coturn',
        on: 'turn',
        tls: true,
        tlsPort: 443,
        turn: { user: 'mesh', password: 'gate', realm: 'lab' },
      },
      rest: { kind: 'coturn', on: 'rest', turn: { authSecret: 'sesame', realm: 'lab' } },
    },
  })
  ;[hub, alice, bob, clerk] = ['hub', 'alice', 'bob', 'clerk'].map(
    (name) => new Member(lab.host(name)),
  ) as [Member, Member, Member, Member]
  const plain = lab.host('turn').address
  await hub.configure('relay = false\ntcp_port = 443\n')
  const rest = lab.host('rest').address
  const secretFile = `${alice.host.stateDir}/turn-secret`
  await writeFile(secretFile, 'sesame\n', { mode: 0o600 })
  await alice.configure(
    server('plain', `turn:${plain}`, 'password = "gate"') +
      server('rest', `turn:${rest}?transport=tcp`, `secret_file = "${secretFile}"`),
  )
  await bob.configure(server('closed', `turn:${rest}`, 'secret = "guess"'))
  await clerk.configure(
    server('tls', `turns:${plain}:443`, `password = "gate"\nca = "${clerk.host.caFile}"`),
  )
  await hub.init()
  await hub.run()
  const token = await hub.createToken('--uses', '3')
  for (const member of [alice, bob, clerk]) {
    await member.join(token)
    await member.run()
  }
})

afterAll(async () => {
  await lab?.stop()
})

test('two hosts that cannot punch and reach no hub are connected over TURN, with a server on one side', async () => {
  const { path, why } = await alice.reaches('bob', 'turn')
  expect(path.via).toBe('plain')
  expect(why).toContain('relayed over TURN (plain)')
  expect((await bob.reaches('alice', 'turn')).path.via).toBe("alice's server")
  await alice.pings(await meshAddress(alice, 'bob'))
})

test('a host whose network lets no UDP out is reached over TLS to port 443', async () => {
  await clerk.reaches('bob', 'turn')
  await clerk.reaches('alice', 'turn')
  await bob.pings(await meshAddress(bob, 'clerk'))
  await alice.pings(await meshAddress(alice, 'clerk'))
  await clerk.pings(await meshAddress(clerk, 'hub'))
})

test('each server is shown with its round trip, one by a secret over TCP too', async () => {
  const { turnServers } = await alice.json<TurnServers>(['netcheck'])
  expect(turnServers).toMatchObject([
    { id: 'plain', state: 'up', cause: null, rttMs: expect.any(Number) },
    { id: 'rest', state: 'up', cause: null, rttMs: expect.any(Number) },
  ])
})

test('wrong credentials are told once and in status, and no other pair is harmed', async () => {
  const shown = await bob.json<{ self: TurnServers }>(['status'])
  expect(shown.self.turnServers).toMatchObject([
    { id: 'closed', state: 'failed', cause: 'credentials-refused' },
  ])
  const lines = (await bob.log()).map((line) => JSON.stringify(line))
  expect(lines.filter((line) => line.includes('credentials-refused'))).toHaveLength(1)
  expect(await bob.do(['status'])).toContain('TURN server closed: ')
  expect(JSON.stringify(await bob.log())).not.toContain('guess')
  await bob.reaches('clerk', 'turn')
})

test('when a server is killed traffic goes on over the other one, and returns', async () => {
  expect((await alice.reaches('bob', 'turn')).path.via).toBe('plain')
  const ping = await steadyPing(alice.host, await meshAddress(alice, 'bob'))
  await lab.set('turn', { running: false })
  await ping.answers(30, 15_000)
  expect((await alice.reaches('bob', 'turn')).path.via).toBe('rest')
  await lab.set('turn', { running: true })
  await alice.host.waitFor(async () => (await alice.peer('bob')).path.via === 'plain', {
    deadlineMs: 60_000,
    what: 'traffic returns to the first server',
  })
  expect((await ping.stop()).longestGapMs).toBeLessThan(5_000)
})

test('neither TURN server ever sees plaintext', async () => {
  const address = await meshAddress(alice, 'bob')
  // After a server was away the two directions may go over different ones.
  const servers = ['turn', 'rest'].map((name) => lab.host(name))
  const captures = await Promise.all(servers.map((one) => one.capture('any', 'udp or tcp')))
  const marker = Buffer.from('this is plain').toString('hex')
  await alice.host.run(['ping', '-c', '10', '-i', '0.1', '-p', marker, '-s', '400', address])
  const seen = await Promise.all(captures.map((capture) => capture.stop()))
  const packets = seen.flatMap((one) => one.packets)
  expect(packets.filter(({ line }) => /length [45]\d\d/.test(line)).length).toBeGreaterThan(20)
  for (const { pcapFile } of seen)
    expect(readFileSync(pcapFile).includes('this is plain')).toBe(false)
})

test('a hub that is reached over a TURN server is told as that', async () => {
  await hub.configure('tcp_port = 443\n')
  await hub.do(['reload'])
  const backup = async () =>
    (await clerk.peer('bob')).backups.find(({ kind, via }) => kind === 'relay' && via === 'hub')
  await clerk.host.waitFor(async () => (await backup())?.hubServer === 'tls', {
    deadlineMs: 30_000,
    what: 'a way over the hub, which is reached over the server',
  })
  const told = 'relay over hub (TURN tls)'
  expect(await clerk.do(['paths', 'bob'])).toContain(told)
  expect(await clerk.do(['why', 'bob'])).toContain(`backup:   ${told}`)
  const { backups } = await clerk.json<{ backups: readonly object[] }>(['why', 'bob'])
  expect(backups).toContainEqual(expect.objectContaining({ via: 'hub', hubServer: 'tls' }))
})
