// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import type { EventEntry, Happening } from '../../../../agent/core/event-log.ts'
import {
  JOIN_MS_MAX,
  MeshSpans,
  OUTAGE_MS_MAX,
} from '../../../../agent/shell/telemetry/mesh-spans.ts'

const START_MS = Date.parse('2026-01-01T12:00:00Z')
const DIRECT = 'direct 198.51.100.7:41820'
const RELAY = 'relay over hub'

/** Ids that count up, and events at milliseconds from the start. */
function made() {
  let id = 0
  const spans = new MeshSpans((length) => new Uint8Array(length).fill(++id))
  let sequence = 0
  const at = (ms: number, happening: Happening) => {
    const time = new Date(START_MS + ms).toISOString()
    const entry: EventEntry = { sequence: ++sequence, time, ...happening }
    return spans.take(entry)
  }
  const expire = (ms: number) => spans.expire(START_MS + ms)
  return { at, expire }
}

const switched = (from: string | null, to: string | null, cause = 'desired', gapMs = 0) =>
  ({ kind: 'path-switched', peer: 'bob', from, to, cause, gapMs }) as const
const proven = (path: string, sinceMs: number) =>
  ({ kind: 'path-proven', peer: 'bob', path, rttMs: 12.5, sinceMs }) as const
const joined = { kind: 'member-joined', peer: 'bob' } as const

test('a join lasts from the first word of a member until there is a path to it, and its punch is a part of it', () => {
  const { at } = made()
  expect(at(0, joined)).toEqual([])
  const [punch] = at(180, proven(DIRECT, 150))
  const [join] = at(200, switched(null, DIRECT))
  expect(join).toMatchObject({
    name: 'join',
    startMs: START_MS,
    endMs: START_MS + 200,
    parentSpanId: undefined,
    attributes: { 'meshgate.peer': 'bob', 'meshgate.to': DIRECT },
    failure: undefined,
  })
  expect(punch).toMatchObject({
    name: 'punch',
    startMs: START_MS + 30,
    endMs: START_MS + 180,
    traceId: join!.traceId,
    parentSpanId: join!.spanId,
    attributes: { 'meshgate.rtt_ms': 12.5 },
  })
})

test('a member that no path leads to is told after a minute, once', () => {
  const { at, expire } = made()
  at(0, joined)
  expect(expire(JOIN_MS_MAX - 1)).toEqual([])
  expect(expire(JOIN_MS_MAX)).toMatchObject([{ name: 'join', failure: 'no path yet' }])
  expect(expire(JOIN_MS_MAX)).toEqual([])
  expect(at(JOIN_MS_MAX + 1, switched(null, RELAY))).toEqual([])
})

test('a member that leaves before it was reached ends its join as a failure', () => {
  const { at } = made()
  at(0, joined)
  expect(at(50, { kind: 'member-left', peer: 'bob' })).toMatchObject([
    { name: 'join', failure: 'member-left', endMs: START_MS + 50 },
  ])
})

test('a failover lasts as long as nothing arrived', () => {
  const { at } = made()
  expect(at(5_000, switched(DIRECT, RELAY, 'path-down', 700))).toMatchObject([
    {
      name: 'failover',
      startMs: START_MS + 4_300,
      endMs: START_MS + 5_000,
      attributes: { 'meshgate.from': DIRECT, 'meshgate.to': RELAY, 'meshgate.cause': 'path-down' },
    },
  ])
})

test('a cut that leaves no path lasts until there is one, and the punch that ends it is a part of it', () => {
  const { at } = made()
  at(0, proven(DIRECT, 0))
  at(1_000, { kind: 'path-down', peer: 'bob', path: DIRECT, reason: 'no answer' })
  expect(at(1_000, switched(DIRECT, null, 'path-down', 600))).toEqual([])
  const [punch] = at(9_000, proven(DIRECT, 9_000))
  const [failover] = at(9_010, switched(null, DIRECT))
  expect(failover).toMatchObject({
    name: 'failover',
    startMs: START_MS + 400,
    endMs: START_MS + 9_010,
  })
  expect(punch).toMatchObject({ startMs: START_MS + 1_000, parentSpanId: failover!.spanId })
})

test('a cut that lasts is told while it lasts', () => {
  const { at, expire } = made()
  at(0, switched(DIRECT, null, 'path-down'))
  expect(expire(OUTAGE_MS_MAX)).toMatchObject([{ name: 'failover', failure: 'no path yet' }])
})

test('a move to a better path is no failover, a path over a hub no punch', () => {
  const { at } = made()
  expect(at(0, switched(RELAY, DIRECT, 'path-up'))).toEqual([])
  expect(at(0, proven(RELAY, 50))).toEqual([])
})

test('a second proof of a path that never went makes no punch of hours', () => {
  const { at } = made()
  expect(at(100, proven(DIRECT, 100))).toHaveLength(1)
  expect(at(7_200_000, proven('direct 203.0.113.9:1', 7_200_000))).toEqual([])
})

test('a search that finds nothing is a failure', () => {
  const { at } = made()
  const sizes = { sockets: 256, probes: 1_024 }
  at(0, { kind: 'search-begun', peer: 'bob', search: 'birthday', task: 'spread', ...sizes })
  const nothing = { result: 'nothing', endpoint: null, socket: null } as const
  expect(at(4_000, { kind: 'search-ended', peer: 'bob', ...sizes, ...nothing })).toMatchObject([
    {
      name: 'search',
      endMs: START_MS + 4_000,
      attributes: { 'meshgate.search': 'birthday', 'meshgate.result': 'nothing' },
      failure: 'the two sides did not meet',
    },
  ])
})

test('a clock that was set back makes no span that ends before it begins', () => {
  const { at } = made()
  at(10_000, joined)
  expect(at(0, switched(null, DIRECT))).toMatchObject([
    { startMs: START_MS + 10_000, endMs: START_MS + 10_000 },
  ])
})

test('ten thousand members that never come cost no more than a thousand', () => {
  const { at, expire } = made()
  for (let i = 0; i < 10_000; i++) at(0, { kind: 'member-joined', peer: `host-${i}` })
  expect(expire(JOIN_MS_MAX)).toHaveLength(1_024)
})
