// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { turnCredential } from '../../netns-lab/turn-credential.ts'

/** The TURN services of a lab, as coturn's own client finds them. */
const account = ['-u', 'mesh', '-w', 'gate']
let lab: Lab
let server: string

beforeAll(async () => {
  lab = await startLab({
    name: 'turn',
    hosts: {
      turn: {},
      rest: {},
      peer: {},
      alice: { behind: 'home' },
      clerk: { behind: 'office' },
    },
    nats: { home: { kind: 'symmetric' }, office: { kind: 'udp-blocked' } },
    services: {
      turn: {
        kind: 'coturn',
        on: 'turn',
        tls: true,
        tlsPort: 443,
        turn: { user: 'mesh', password: 'gate', realm: 'lab' },
      },
      rest: {
        kind: 'coturn',
        on: 'rest',
        port: 5000,
        transports: ['tcp'],
        turn: { authSecret: 'sesame', realm: 'lab' },
      },
      peer: {
        kind: 'command',
        on: 'peer',
        run: ['turnutils_peer', '-p', '3480'],
        ready: { udp: 3480 },
      },
    },
  })
  server = lab.host('turn').address
})
afterAll(async () => lab?.stop())

/** What coturn's client says of sending ten messages to the peer and back over the relay. */
async function relay(from: string, ...args: readonly string[]): Promise<string> {
  const to = ['-c', '-n', '10', '-e', lab.host('peer').address]
  const { code, stdout } = await lab.host(from).exec(['turnutils_uclient', ...to, ...args])
  if (stdout.includes('tot_send_msgs=10, tot_recv_msgs=10')) return 'relayed'
  return /error (\d+ \([\w ]+\))/.exec(stdout)?.[1] ?? `ended with ${code}`
}

const tls = (host: string) => ['-t', '-S', '-p', '443', '-E', lab.host(host).caFile]
const refused = 'ended with 255'

// Coturn's client waits a few seconds before it ends.
describe('TURN', () => {
  test.concurrent.each([
    ['UDP', () => []],
    ['TCP', () => ['-t']],
    ['TLS on port 443', () => tls('alice')],
  ] as const)('relays over %s', async (_, args) => {
    expect(await relay('alice', ...args(), ...account, server)).toBe('relayed')
  })

  test.concurrent('relays over TLS on port 443 from a network that lets nothing else out', async () => {
    expect(await relay('clerk', ...tls('clerk'), ...account, server)).toBe('relayed')
  })

  test.concurrent('refuses a wrong password', async () => {
    expect(await relay('alice', '-u', 'mesh', '-w', 'wrong', server)).toBe(refused)
  })

  test.concurrent('relays nothing to private addresses', async () => {
    const toLan = ['-e', '192.168.1.10', ...account, server]
    expect(await relay('alice', ...toLan)).toBe('403 (Forbidden IP)')
  })

  test.concurrent.each([
    ['that lasts', 'sesame', 60, 'relayed'],
    ['that has ended', 'sesame', -60, refused],
    ['of another secret', 'guess', 60, refused],
  ] as const)('answers a time-limited account %s: %s', async (_, secret, lastsS, outcome) => {
    const { user, password } = turnCredential(secret, 'alice', new Date(Date.now() + lastsS * 1000))
    const args = ['-t', '-p', '5000', '-u', user, '-w', password, lab.host('rest').address]
    expect(await relay('alice', ...args)).toBe(outcome)
  })
})

test('the certificate names the host and its address, by an authority that every host knows', async () => {
  const alice = lab.host('alice')
  for (const name of [
    ['-verify_hostname', 'turn'],
    ['-verify_ip', server],
  ]) {
    const connect = ['s_client', '-connect', `${server}:443`, '-verify_return_error']
    const shown = await alice.run(['openssl', ...connect, '-CAfile', alice.caFile, ...name])
    expect(shown).toContain('Verify return code: 0 (ok)')
  }
})

test('a service that is killed drops its sessions, and serves again once it is started', async () => {
  const alice = lab.host('alice')
  const endless = ['-t', '-c', '-n', '100000', '-e', lab.host('peer').address, ...account, server]
  const session = alice.spawn(['turnutils_uclient', ...endless], { log: 'session.log' })
  await alice.waitFor(async () => (await session.output()).includes('tot_recv_msgs'), {
    deadlineMs: 15_000,
    what: 'messages go over the relay',
  })
  await lab.set('turn', { running: false })
  expect((await lab.status()).services).toContainEqual({
    name: 'turn',
    on: 'turn',
    state: 'ended by SIGKILL',
  })
  const connections = ['ss', '-Htn', 'state', 'established', 'dst', server]
  await alice.waitFor(async () => (await alice.run(connections)) === '', {
    deadlineMs: 5000,
    what: 'the relay hangs up',
  })
  session.kill('SIGKILL')
  expect(await relay('alice', '-t', ...account, server)).toBe(refused)
  await lab.set('turn', { running: true })
  expect(await relay('alice', '-t', ...account, server)).toBe('relayed')
})
