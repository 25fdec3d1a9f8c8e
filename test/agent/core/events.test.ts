// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { createEventLog, EVENTS_MAX, remember } from '../../../agent/core/event-log.ts'
import { eventText } from '../../../agent/core/event-text.ts'
import type { Effect } from '../../../agent/core/effect.ts'
import type { HelperPeer } from '../../../agent/core/helper-contract.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import { wallTime } from '../../../nat/clock.ts'
import { relayPath } from '../../../topology/planned-path.ts'
import { link, ofKind, oneNode } from './one-node.ts'

describe('the event log', () => {
  it('keeps the newest, counts all of them, and never uses a number twice', () => {
    const log = createEventLog()
    for (let i = 0; i < EVENTS_MAX + 5; i++)
      remember(log, { kind: 'device-lost', reason: 'deleted' }, wallTime(i))
    expect(log.entries).toHaveLength(EVENTS_MAX)
    expect(log.entries[0]).toMatchObject({ sequence: 6 })
    expect(log.entries.at(-1)).toMatchObject({
      sequence: EVENTS_MAX + 5,
      time: '1970-01-01T00:00:01.028Z',
    })
    expect(log.counts.get('device-lost')).toBe(EVENTS_MAX + 5)
  })
})

const DIRECT = '198.51.100.1:1' as TransportAddress

/** A peer with a direct path that is up. */
function reached(publicKey: string): HelperPeer {
  const path = { id: `direct:${DIRECT}`, kind: 'direct', endpoint: DIRECT, via: [] } as const
  const measured = {
    server: null,
    socket: null,
    up: true,
    carries: null,
    rttUs: 10_000,
    lossPermille: 0,
    lastReplyMs: 0,
  }
  return {
    publicKey,
    allowedIps: [],
    keepaliveMs: 25_000,
    rxBytes: 0,
    txBytes: 0,
    lastHandshakeMs: null,
    activePath: path.id,
    session: { rttUs: null, ageMs: null },
    paths: [{ ...path, ...measured }],
  }
}

describe('the time until a path was proven', () => {
  const ENDPOINT = '203.0.113.5:5' as TransportAddress
  const provenIn = (effects: readonly Effect[]) =>
    ofKind(effects, 'event').flatMap(({ entry }) =>
      entry.kind === 'path-proven' ? [entry.sinceMs] : [],
    )

  it('begins anew when the direct path went down, and when a member names another address', () => {
    const one = oneNode()
    one.connect([link('eth0', '192.168.1.10/24')])
    const bob = one.membership.admit('bob')
    const peer = bob.helperName
    const hear = (...addresses: TransportAddress[]) => {
      const candidates = addresses.map((address) => ({ kind: 'host', address }) as const)
      return one.hear(one.recordOf(bob, { candidates }))
    }
    const answer = (effects: readonly Effect[], endpoint: TransportAddress) => {
      const asked = ofKind(effects, 'probe').find((probe) => probe.endpoint === endpoint)
      if (asked === undefined) throw new Error(`${endpoint} was not asked`)
      const reply = { peer, endpoint, transaction: asked.transaction, rttUs: 1_000 }
      return one.helperEvent({
        method: 'probe-reply',
        ...reply,
        observed: '192.168.1.10:41820' as TransportAddress,
      })
    }
    const asked = hear(ENDPOINT)
    one.sleep(30)
    expect(provenIn(answer(asked, ENDPOINT))).toEqual([30])

    const other = '203.0.113.6:6' as TransportAddress
    one.sleep(600_000)
    const askedOther = hear(ENDPOINT, other)
    one.sleep(20)
    expect(provenIn(answer(askedOther, other))).toEqual([20])

    one.sleep(600_000)
    for (const endpoint of [ENDPOINT, other])
      one.helperEvent({
        method: 'path-down',
        peer,
        path: `direct:${endpoint}`,
        reason: 'it is cut',
      })
    expect(one.node.peers.get(bob.certificate.node)?.paths.startedAt).toBe(one.now().instant)
  })

  it('over a hub begins anew when that path went down', () => {
    const one = oneNode()
    const [hub, bob] = ['hub', 'bob'].map((name) => one.membership.admit(name))
    one.hear(one.recordOf(hub!, { relay: true }))
    one.connect([link('eth0', '192.168.1.2/24')], [reached(hub!.helperName)])
    one.hear(one.recordOf(bob!, { hubs: [hub!.certificate.node] }))
    const path = relayPath([hub!.certificate.node]).id
    const rises = () =>
      provenIn(one.helperEvent({ method: 'path-up', peer: bob!.helperName, path, rttUs: 1_000 }))
    one.sleep(50)
    expect(rises()).toEqual([50])
    one.sleep(600_000)
    one.helperEvent({ method: 'path-down', peer: bob!.helperName, path, reason: 'it is cut' })
    one.sleep(70)
    expect(rises()).toEqual([70])
  })
})

describe('a switch', () => {
  it('is told in words that people know, and stays in status', () => {
    const one = oneNode()
    const [hub, peer] = ['hub', 'peer'].map((name) => one.membership.admit(name))
    one.hear(one.recordOf(hub!, { relay: true }))
    one.connect([link('eth0', '192.168.1.2/24')], [reached(hub!.helperName)])
    one.hear(one.recordOf(peer!, { hubs: [hub!.certificate.node] }))
    const status = () => statusOf(one.node, one.now()).peers.find(({ name }) => name === 'peer')!
    expect(status()).toMatchObject({ lastSwitch: null, switches: 0 })
    const effects = one.helperEvent({
      method: 'switched',
      peer: peer!.helperName,
      from: 'direct:198.51.100.7:41820',
      to: relayPath([hub!.certificate.node]).id,
      cause: 'path-down',
      gapMs: 180,
    })
    const [event] = ofKind(effects, 'event')
    expect(eventText(event!.entry)).toBe(
      'peer: traffic moves from direct 198.51.100.7:41820 to relay over hub (path-down, gap 180 ms)',
    )
    expect(one.node.events.entries.at(-1)).toEqual(event!.entry)
    const { time } = event!.entry
    expect(status()).toMatchObject({
      lastSwitch: { time, cause: 'path-down', gapMs: 180, to: 'relay over hub' },
      switches: 1,
      switchCauses: { 'path-down': 1 },
    })
  })

  it('of somebody who is no member is nothing', () => {
    const one = oneNode()
    const told = { from: null, to: null, cause: 'desired', gapMs: 0 } as const
    const effects = one.helperEvent({ method: 'switched', peer: 'nobody', ...told })
    expect(ofKind(effects, 'event')).toEqual([])
  })
})
