// SPDX-License-Identifier: Apache-2.0
/** When a pair asks for a data channel, and when it gives it up. */
import { describe, expect, it } from 'vitest'
import {
  CHANNEL_DEAD_MS,
  CHANNEL_LINGER_MS,
  CHANNEL_LINGER_OTHERS_MS,
  CHANNEL_RETRY_MS_MIN,
  LACKING_MS,
  LACKING_UNEXPLAINED_MS,
} from '../../../agent/core/channels.ts'
import type { HelperPath } from '../../../agent/core/helper-contract.ts'
import { whyReport } from '../../../agent/core/why-report.ts'
import type { Effect } from '../../../agent/core/effect.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const ENDPOINT = '198.51.100.7:41820' as TransportAddress
const DIRECT = {
  id: `direct:${ENDPOINT}`,
  kind: 'direct',
  endpoint: ENDPOINT,
  via: [],
  server: null,
  socket: null,
  rttUs: 1_000,
  lossPermille: 0,
  lastReplyMs: 10,
} as const
const CHANNEL = { ...DIRECT, id: 'channel', kind: 'channel', endpoint: null } as const

function pair() {
  const one = oneNode()
  const peer = one.membership.admit('peer')
  const { node: id } = peer.certificate
  one.connect([link('eth0', '192.168.1.2/24')])
  one.hear(one.recordOf(peer))
  const stats = (active: string | null, ...paths: HelperPath[]) =>
    one.helperEvent({
      method: 'stats',
      turn: [],
      peers: [
        {
          publicKey: peer.helperName,
          allowedIps: [],
          keepaliveMs: 25_000,
          rxBytes: 0,
          txBytes: 0,
          lastHandshakeMs: null,
          activePath: active,
          session: { rttUs: null, ageMs: null },
          paths,
        },
      ],
    })
  const channel = (isOpen: boolean, detail = 'host to host') =>
    one.take({ kind: 'channel', node: id, isOpen, detail })
  /** Time in which the peer says now and then that it lives. */
  const pass = (durationMs: number): Effect[] => {
    const effects: Effect[] = []
    for (let left = durationMs; left > 0; left -= 30_000) {
      effects.push(...one.hear(one.recordOf(peer)), ...one.run(Math.min(left, 30_000)))
    }
    return effects
  }
  const held = () => stats(DIRECT.id, { ...DIRECT, up: false, carries: false })
  const served = (carries: boolean | null = true) =>
    stats(DIRECT.id, { ...DIRECT, up: true, carries })
  return { ...one, peer, id, stats, channel, pass, held, served }
}

const asked = (effects: readonly Effect[]) => ofKind(effects, 'open-channel').length
const ended = (effects: readonly Effect[]) => ofKind(effects, 'close-channel').length

describe('a data channel', () => {
  it('is asked for soon where paths answer and carry nothing', () => {
    const { held, pass, id } = pair()
    held()
    expect(asked(pass(LACKING_MS - 1))).toBe(0)
    expect(ofKind(pass(1), 'open-channel')).toEqual([{ kind: 'open-channel', node: id }])
  })

  it('is asked for later where no path is known at all, because punching may still be under way', () => {
    const { pass } = pair()
    expect(asked(pass(LACKING_UNEXPLAINED_MS - 1))).toBe(0)
    expect(asked(pass(1))).toBe(1)
  })

  it('is not asked for with a peer that vanishes from the network and from gossip at once', () => {
    const { served, stats, pass, run } = pair()
    served()
    pass(30_000)
    stats(DIRECT.id, { ...DIRECT, up: false, carries: null })
    expect(asked(run(600_000))).toBe(0)
  })

  it('is never asked for while any other path is up', () => {
    const { pass, served } = pair()
    served(null)
    expect(asked(pass(120_000))).toBe(0)
  })

  it('is not asked for with a peer of whom gossip hears nothing', () => {
    const { run } = pair()
    run(5_000)
    const silent = oneNode()
    silent.connect([link('eth0', '192.168.1.2/24')])
    silent.hear(silent.recordOf(silent.membership.admit('away')), false)
    expect(asked(silent.run(600_000))).toBe(0)
  })

  it('that cannot be had is asked for again, ever less often', () => {
    const { pass, channel, held } = pair()
    held()
    expect(asked(pass(LACKING_MS))).toBe(1)
    channel(false, 'no way to the peer within 15 s')
    expect(asked(pass(CHANNEL_RETRY_MS_MIN - 1))).toBe(0)
    expect(asked(pass(1))).toBe(1)
    channel(false, 'no way to the peer within 15 s')
    expect(asked(pass(2 * CHANNEL_RETRY_MS_MIN - 1))).toBe(0)
    expect(asked(pass(1))).toBe(1)
    expect(asked(pass(3_600_000))).toBeLessThan(12)
  })

  it('that stands is the last of the paths that the helper is told', () => {
    const { channel, served, pass, held } = pair()
    held()
    pass(LACKING_MS)
    const [applied] = ofKind(channel(true), 'apply')
    expect(applied?.desired.peers[0]?.paths.at(-1)).toEqual({ id: 'channel', kind: 'channel' })
    served()
    const [after] = ofKind(channel(false), 'apply')
    expect(after?.desired.peers[0]?.paths.some(({ kind }) => kind === 'channel')).toBe(false)
  })

  it('is closed by who asked for it, once another path has carried for a while', () => {
    const { channel, stats, pass, held } = pair()
    held()
    pass(LACKING_MS)
    channel(true)
    stats(
      'channel',
      { ...DIRECT, up: false, carries: false },
      { ...CHANNEL, up: true, carries: true },
    )
    expect(ended(pass(60_000))).toBe(0)
    stats(
      'channel',
      { ...DIRECT, up: true, carries: null },
      { ...CHANNEL, up: true, carries: true },
    )
    expect(ended(pass(60_000))).toBe(0)
    stats(
      DIRECT.id,
      { ...DIRECT, up: true, carries: true },
      { ...CHANNEL, up: true, carries: true },
    )
    expect(ended(pass(CHANNEL_LINGER_MS - 1))).toBe(0)
    const effects = pass(1)
    expect(ended(effects)).toBe(1)
    const [applied] = ofKind(effects, 'apply')
    expect(applied?.desired.peers[0]?.paths.some(({ kind }) => kind === 'channel')).toBe(false)
  })

  it('that was just opened is not asked for again while the helper tries it', () => {
    const { channel, pass, held } = pair()
    held()
    pass(LACKING_MS)
    expect(asked(channel(true))).toBe(0)
    expect(asked(pass(CHANNEL_DEAD_MS - 1))).toBe(0)
  })

  it('over which nothing is answered is closed, and asked for anew', () => {
    const { channel, stats, pass, held } = pair()
    held()
    pass(LACKING_MS)
    channel(true)
    const direct = { ...DIRECT, up: false, carries: false } as const
    stats('channel', direct, { ...CHANNEL, up: true, carries: true })
    expect(ended(pass(60_000))).toBe(0)
    stats('channel', direct, { ...CHANNEL, up: false, carries: null })
    expect(ended(pass(CHANNEL_DEAD_MS - 1))).toBe(0)
    expect(ended(pass(1))).toBe(1)
    channel(false, 'closed by this side')
    expect(asked(pass(LACKING_MS))).toBe(1)
  })

  it('that the peer asked for is left to the peer for much longer', () => {
    const { channel, stats, served, pass } = pair()
    served()
    channel(true)
    stats(
      DIRECT.id,
      { ...DIRECT, up: true, carries: true },
      { ...CHANNEL, up: true, carries: null },
    )
    expect(ended(pass(CHANNEL_LINGER_OTHERS_MS - 1))).toBe(0)
    expect(ended(pass(1))).toBe(1)
  })

  it('whose process died is asked for again at once', () => {
    const { channel, stats, pass, held } = pair()
    held()
    pass(LACKING_MS)
    channel(true)
    const direct = { ...DIRECT, up: false, carries: false } as const
    stats('channel', direct, { ...CHANNEL, up: true, carries: true })
    pass(10_000)
    channel(false, 'the channel process is gone: SIGKILL')
    stats(DIRECT.id, direct)
    expect(asked(pass(LACKING_MS))).toBe(1)
  })

  it('that the helper already has is kept by an agent that starts', () => {
    const { node, peer, connect, stats } = pair()
    stats('channel', { ...CHANNEL, up: true, carries: true })
    const state = node.peers.get(peer.certificate.node)!.stats!
    const effects = connect([link('eth0', '192.168.1.2/24')], [state])
    const [applied] = ofKind(effects, 'apply')
    expect(applied?.desired.peers[0]?.paths).toEqual([{ id: 'channel', kind: 'channel' }])
  })

  it('is explained by the network that drops WireGuard', () => {
    const { channel, stats, node, id, now } = pair()
    channel(true)
    const direct = { ...DIRECT, up: false, carries: false } as const
    stats('channel', direct, { ...CHANNEL, up: true, carries: true })
    const { path, sentence } = whyReport(node, node.peers.get(id)!, now())
    expect(path.kind).toBe('channel')
    expect(sentence).toMatch(/data channel.*drops what looks like WireGuard/)
  })
})
