// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PeerStatus, Status } from '../../../../agent/core/status.ts'
import { metricsOf, metricsText, quality } from '../../../../agent/shell/telemetry/metrics.ts'
import {
  quantile,
  SampleHistory,
  SAMPLES_MAX,
} from '../../../../agent/shell/telemetry/sample-history.ts'

const peer = (name: string, changes: Partial<PeerStatus> = {}) =>
  ({
    name,
    nodeId: name,
    liveness: 'alive',
    hub: false,
    path: { kind: 'direct', via: null, hubServer: null, endpoint: null, rttMs: 20, lossPct: 1 },
    backups: [],
    lastSwitch: null,
    switches: 2,
    switchCauses: { 'path-down': 1, 'detour-loss': 1 },
    rxBytes: 10,
    txBytes: 20,
    sessionRttMs: 30,
    ...changes,
  }) as PeerStatus

const relayed = {
  kind: 'relay',
  via: 'hub',
  hubServer: null,
  endpoint: null,
  rttMs: 50,
  lossPct: 0,
} as const

const status = {
  self: {
    name: 'a',
    network: 'quo"te\\',
    certificateNotAfter: '2026-01-02T00:00:00.000Z',
    nat: { mapping: 'unknown', filtering: 'unknown', portMapping: null },
    helper: { connected: true, engine: 'userspace', problem: null },
    neighbours: ['b'],
  },
  peers: [peer('b'), peer('c', { path: relayed, sessionRttMs: null })],
} as unknown as Status

const measured = {
  status,
  eventCounts: new Map([['path-switched', 4]]),
  samplesOf: () => [],
  relayed: { frames: 5, bytes: 600, dropped: 1, refused: 0 },
  control: {
    said: { critical: 3, high: 0, normal: 0, low: 7 },
    waiting: { critical: 0, high: 0, normal: 0, low: 2 },
    lost: 1,
  },
  version: '1',
  residentBytes: 5,
  now: Date.parse('2026-01-01T00:00:00Z'),
}

describe('metrics', () => {
  const lines = metricsText(measured).split('\n')

  it('tell how each peer is reached, in base units', () => {
    expect(lines).toContain('meshgate_peer_rtt_seconds{peer="b"} 0.03')
    expect(lines).toContain('meshgate_peer_rtt_seconds{peer="c"} 0.05')
    expect(lines).toContain('meshgate_peers{path="relay"} 1')
    expect(lines).toContain('meshgate_direct_ratio 0.5')
    expect(lines).toContain('meshgate_peer_switch_causes_total{peer="b",cause="detour-loss"} 1')
    expect(lines).toContain('meshgate_control_messages_total{priority="critical"} 3')
    expect(lines).toContain('meshgate_control_waiting{priority="low"} 2')
    expect(lines).toContain('meshgate_control_lost_total 1')
    expect(lines).toContain('meshgate_events_total{kind="path-switched"} 4')
    expect(lines).toContain('meshgate_certificate_seconds_left 86400')
  })

  it('tell what a hub passed on, and nothing of it without a helper', () => {
    expect(lines).toContain('meshgate_relayed_packets_total 5')
    expect(lines).toContain('meshgate_relay_refused_total 0')
    expect(metricsText({ ...measured, relayed: null })).not.toMatch(/^meshgate_relay/m)
  })

  it('are lines of the text format, whatever is in a name', () => {
    const line =
      /^(# (HELP|TYPE) meshgate_\w+ .+|meshgate_\w+(\{(\w+="([^"\\\n]|\\[\\"n])*",?)+\})? [-\d.e+]+|)$/
    expect(lines.filter((one) => !line.test(one))).toEqual([])
    expect(lines.join('\n')).toContain('network="quo\\"te\\\\"')
  })

  it.each(['grafana-dashboard.json', 'alerts.yml'])(
    '%s asks for nothing that is not told',
    (file) => {
      const text = readFileSync(
        join(import.meta.dirname, '../../../../packaging/monitoring', file),
        'utf8',
      )
      const asked = new Set(text.match(/meshgate_[a-z0-9_]+/g))
      const told = new Set(metricsOf(measured).map(({ name }) => name))
      expect(asked.size).toBeGreaterThan(3)
      expect([...asked].filter((name) => !told.has(name))).toEqual([])
    },
  )

  it('call a path better that is near, direct and loses nothing', () => {
    const of = (kind: 'direct' | 'relay' | 'none', rttMs: number, lossPct: number) =>
      quality({
        path: { kind, via: null, hubServer: null, endpoint: null, rttMs, lossPct },
        sessionRttMs: null,
      })
    expect(of('direct', 0, 0)).toBe(1)
    expect(of('none', 0, 0)).toBe(0)
    expect(of('direct', 10, 0)).toBeGreaterThan(of('relay', 10, 0))
    expect(of('direct', 10, 0)).toBeGreaterThan(of('direct', 100, 0))
    expect(of('direct', 10, 0)).toBeGreaterThan(of('direct', 10, 10))
  })
})

describe('the history of samples', () => {
  it('keeps ten minutes of each peer, and forgets who is gone', () => {
    const history = new SampleHistory()
    for (let i = 0; i < SAMPLES_MAX + 10; i++) history.take([peer('b', { rxBytes: i })])
    expect(history.of('b')).toHaveLength(SAMPLES_MAX)
    expect(history.of('b').at(-1)?.rxBytes).toBe(SAMPLES_MAX + 9)
    history.take([])
    expect(history.of('b')).toEqual([])
  })

  it('knows quantiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(quantile(hundred, 0.99)).toBe(99)
    expect(quantile([7], 0.99)).toBe(7)
    expect(quantile([], 0.5)).toBeUndefined()
  })
})
