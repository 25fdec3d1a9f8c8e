// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { PeerStatus } from '../../../../agent/core/status.ts'
import { diagnose } from '../../../../agent/shell/doctor/diagnose.ts'
import type { Finding } from '../../../../agent/shell/doctor/finding.ts'
import { type Changes, DAY_MS, facts, NOW } from './healthy-host.ts'

/** What authorities share, as one of them sees it. */
const STORE = {
  members: [
    { endpoint: 'http://192.0.2.1:2379', healthy: true },
    { endpoint: 'http://192.0.2.2:2379', healthy: false },
  ],
  quorum: true,
  leader: 'alpha',
  ledgerLost: false,
}

const certificate = (fromDays: number, toDays: number) => ({
  certificate: { notBefore: NOW + fromDays * DAY_MS, notAfter: NOW + toDays * DAY_MS },
})
const noAgent = (code: string) => ({ agent: { ok: false, code, message: code } as const })
const stun = (answered: boolean) => [{ server: 'x', answered, rttMs: null, mapped: null }]
const helper = (problem: string | null, connected = true) =>
  ({ self: { helper: { connected, engine: null, engineReason: null, problem } } }) as Changes
const path = (kind: string, lossPct = 0) =>
  ({ kind, via: 'hub', endpoint: null, rttMs: 1, lossPct }) as PeerStatus['path']

describe('the doctor', () => {
  it('finds nothing wrong with a healthy host', () => {
    expect(diagnose(facts()).filter(({ verdict }) => verdict !== 'good')).toEqual([])
  })

  it('says so where there is no configuration file, which is no fault', () => {
    expect(diagnose(facts({ hasConfig: false })).find(({ check }) => check === 'config')).toEqual({
      check: 'config',
      verdict: 'good',
      found: 'no /etc/c.toml: every key has its default',
      remedy: '',
    })
  })

  const planted: [string, Changes, Pick<Finding, 'check' | 'verdict'>, string, string][] = [
    [
      'a wrong configuration',
      { configProblem: 'mtu 5 is too small' },
      { check: 'config', verdict: 'bad' },
      'mtu 5',
      'config check',
    ],
    [
      'no membership',
      { state: { isMember: false } },
      { check: 'state', verdict: 'bad' },
      'not a member',
      'meshgate join',
    ],
    [
      'a state directory that others may write',
      { state: { problem: { message: 'other users may replace files', remedy: 'chmod 700' } } },
      { check: 'state', verdict: 'bad' },
      'other users',
      'chmod 700',
    ],
    [
      'a read-only state directory',
      { state: { isWritable: false } },
      { check: 'state', verdict: 'bad' },
      'cannot be written',
      'chown',
    ],
    [
      'a full disk',
      { state: { freeBytes: 4096 } },
      { check: 'disk', verdict: 'bad' },
      '0 MiB free',
      'make room',
    ],
    [
      'a clock in the past',
      { state: certificate(1, 29) },
      { check: 'clock', verdict: 'bad' },
      'before this host',
      'timedatectl',
    ],
    [
      'an etcd cluster without a majority',
      { self: { authorityQuorum: { ...STORE, quorum: false } } },
      { check: 'authority', verdict: 'bad' },
      '1 of 2 members of etcd answer',
      'start the others',
    ],
    [
      'an etcd cluster that has lost its ledger',
      { self: { authorityQuorum: { ...STORE, ledgerLost: true } } },
      { check: 'authority', verdict: 'bad' },
      'no ledger',
      'authority restore',
    ],
    [
      "a clock that is not the others'",
      { self: { clock: { offMs: -120_000, sentence: "this host's clock is 120 s behind" } } },
      { check: 'clock', verdict: 'bad' },
      '120 s behind',
      'Beyond 5 minutes',
    ],
    [
      'a certificate that was not renewed',
      { state: certificate(-28, 2) },
      { check: 'certificate', verdict: 'look' },
      'not renewed',
      'network key',
    ],
    [
      'a certificate that ran out',
      { state: certificate(-30, -1) },
      { check: 'certificate', verdict: 'bad' },
      'ran out',
      'meshgate leave',
    ],
    [
      'no TUN device',
      { hasTunDevice: false },
      { check: 'tun', verdict: 'bad' },
      '/dev/net/tun',
      'modprobe tun',
    ],
    [
      'no IPv6',
      { hasIpv6: false },
      { check: 'ipv6', verdict: 'look' },
      'switched off',
      'disable_ipv6=0',
    ],
    [
      "another VPN's route",
      { routes: [{ prefix: '10.7.9.0/24', interface: 'tun9' }] },
      { check: 'routes', verdict: 'bad' },
      '10.7.9.0/24 goes to tun9',
      'take that route away',
    ],
    [
      "another VPN's IPv6 route",
      { routes: [{ prefix: 'fd12:3456:789a:0001:0000:0000:0000:0000/64', interface: 'tun9' }] },
      { check: 'routes', verdict: 'bad' },
      'tun9',
      'route',
    ],
    [
      'services that do not start',
      { services: 'not-enabled' },
      { check: 'services', verdict: 'look' },
      'do not start',
      'systemctl enable',
    ],
    ['no agent', noAgent('no-agent'), { check: 'agent', verdict: 'bad' }, 'no-agent', 'journalctl'],
    [
      'a person who may not ask',
      noAgent('not-permitted'),
      { check: 'agent', verdict: 'bad' },
      'not-permitted',
      'usermod',
    ],
    [
      'no helper',
      helper('refused', false),
      { check: 'helper', verdict: 'bad' },
      'no helper: refused',
      'meshgate-helper',
    ],
    [
      'a port that is taken',
      helper('listen udp: address already in use'),
      { check: 'helper', verdict: 'bad' },
      'in use',
      'ss -ulpn',
    ],
    [
      'an interface name that is taken',
      helper('the name meshgate0 exists'),
      { check: 'helper', verdict: 'bad' },
      'exists',
      '`interface`',
    ],
    [
      'no network at all',
      { netcheck: { ipv4: { local: [], mapped: [], reached: null } } },
      { check: 'internet', verdict: 'bad' },
      'no usable address',
      'ip address',
    ],
    [
      'blocked UDP',
      { netcheck: { stunServers: stun(false) } },
      { check: 'internet', verdict: 'look' },
      'UDP seems to be blocked',
      'let UDP out',
    ],
    [
      'a hard NAT',
      {
        netcheck: { nat: { mapping: 'address-and-port-dependent', filtering: 'unknown' } as never },
      },
      { check: 'nat', verdict: 'look' },
      'hard to punch',
      'UPnP',
    ],
    [
      'no gossip',
      { self: { neighbours: [] } },
      { check: 'gossip', verdict: 'bad' },
      'no link',
      'TCP port',
    ],
    [
      'a peer that is not reached',
      { peer: { path: path('none'), why: 'it is down' } },
      { check: 'peer hub', verdict: 'bad' },
      'it is down',
      'meshgate why hub',
    ],
    [
      'a peer over a relay',
      { peer: { path: path('relay'), why: 'both NATs are hard' } },
      { check: 'peer hub', verdict: 'look' },
      'both NATs',
      'meshgate why hub',
    ],
    [
      'a lossy path',
      { peer: { path: path('direct', 20) } },
      { check: 'peer hub', verdict: 'look' },
      '20% of packets',
      'meshgate ping',
    ],
    [
      "a clock that is not the others'",
      { self: { clock: { offMs: -120_000, sentence: "this host's clock is 120 s behind" } } },
      { check: 'clock', verdict: 'bad' },
      '120 s behind',
      'Beyond 5 minutes',
    ],
    [
      'a TURN server that refuses',
      {
        self: { turnServers: [{ id: 't', state: 'failed', detail: '401', cause: null }] as never },
      },
      { check: 'turn', verdict: 'look' },
      '401',
      'password',
    ],
  ]

  it.each(planted)('finds %s, and says how to mend it', (_, changes, expected, found, remedy) => {
    const troubles = diagnose(facts(changes)).filter(({ verdict }) => verdict !== 'good')
    expect(troubles).toHaveLength(1)
    expect(troubles[0]).toMatchObject(expected)
    expect(troubles[0]?.found).toContain(found)
    expect(troubles[0]?.remedy).toContain(remedy)
  })

  it('does not mind a larger network around the mesh', () => {
    const around = facts({ routes: [{ prefix: '10.0.0.0/8', interface: 'wg9' }] })
    expect(diagnose(around).every(({ verdict }) => verdict === 'good')).toBe(true)
  })
})
