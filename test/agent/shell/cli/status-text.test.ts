// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { PathStatus, PeerStatus, Status } from '../../../../agent/core/status.ts'
import { peersText, pathsText } from '../../../../agent/shell/cli/peers.ts'
import { sinceText, statusText } from '../../../../agent/shell/cli/status.ts'

const LONG = 'a-name-as-long-as-a-label-of-dns-may-be-which-is-sixty-three-ch'

const path: PathStatus = {
  kind: 'direct',
  via: null,
  hubServer: null,
  endpoint: '[2001:db8:1234:5678:9abc:def0:1234:5678]:51820',
  rttMs: 123.4,
  lossPct: 12.5,
}

const peer = {
  name: LONG,
  nodeId: 'x',
  addresses: ['10.255.255.255', 'fd12:3456:789a:1234:5678:9abc:def0:1234'],
  tags: [LONG],
  liveness: 'suspect',
  hub: true,
  homeHubs: [],
  path,
  backups: [path, { ...path, kind: 'relay', via: `${LONG}, ${LONG}` }],
  lastSwitch: { time: '2026-01-01T00:00:00.000Z', from: null, to: null, cause: '', gapMs: 0 },
  switches: 1,
  switchCauses: { 'path-down': 1 },
  why: '',
  nat: { mapping: 'unknown', filtering: 'unknown' },
  rxBytes: 999_900_000_000,
  txBytes: 1_234,
  lastHandshakeMs: null,
  sessionRttMs: null,
} as unknown as PeerStatus

const status = {
  self: {
    name: 'a',
    network: 'n',
    addresses: ['10.0.0.1'],
    nat: { mapping: 'unknown', filtering: 'unknown', mapped: [], portMapping: null },
    spareUplinks: [],
    turnServers: [],
    names: null,
    authorityQuorum: null,
    partition: null,
    clock: null,
    twinSince: null,
    membership: 'valid',
    helper: { connected: true, problem: null },
    neighbours: ['b'],
  },
  peers: [peer],
} as unknown as Status

const widest = (text: string) =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.length),
  )

describe('tables for people', () => {
  it.each([
    ['status', statusText(status)],
    ['peers', peersText([peer])],
    ['paths', pathsText([peer])],
  ])('%s fits on 100 columns, whatever is in it', (_, text) => {
    expect(widest(text)).toBeLessThanOrEqual(100)
  })

  it('tell what each backup has in common with the path in use', () => {
    const backup = { ...path, endpoint: '198.51.100.7:1' }
    const lines = stripVTControlCharacters(pathsText([{ ...peer, backups: [path, backup] }]))
    const told = [...lines.matchAll(/%\s+(family, address|nothing)\s*$/gm)]
    expect(told.map(([, shares]) => shares)).toEqual(['family, address', 'nothing'])
  })

  it('say that a hub is reached over a TURN server', () => {
    const relayed = { ...path, kind: 'relay', via: 'hub', hubServer: 'frankfurt' } as const
    const told = 'relay over hub (TURN frankfurt)'
    expect(
      statusText({ ...status, peers: [{ ...peer, path: relayed, liveness: 'alive' }] }),
    ).toContain(told)
    expect(pathsText([{ ...peer, backups: [relayed] }])).toContain(told)
  })

  it('say who decides for the network, or that nobody can, where authorities share a store', () => {
    const textOf = (healthy: boolean, leader: string | null, ledgerLost = false) => {
      const members = [true, healthy, false].map((one) => ({ endpoint: 'http://e', healthy: one }))
      const authorityQuorum = { members, quorum: healthy, leader, ledgerLost }
      return statusText({ ...status, self: { ...status.self, authorityQuorum } })
    }
    expect(textOf(true, 'a')).toContain('authority: a decides, 2 of 3 members of etcd answer')
    expect(textOf(false, null)).toContain('authority quorum lost: 1 of 3 members of etcd answer')
    expect(textOf(true, 'a', true)).toContain('authority: etcd holds no ledger any more')
  })

  it('say how long ago in one unit', () => {
    const now = Date.parse('2026-01-02T00:00:00Z')
    const ago = (ms: number) => sinceText(new Date(now - ms).toISOString(), now)
    expect([ago(0), ago(59_000), ago(60_000), ago(3_600_000), ago(10 * 86_400_000)]).toEqual([
      '0s',
      '59s',
      '1m',
      '1h',
      '10d',
    ])
    expect(sinceText(undefined, now)).toBe('-')
  })
})
