// SPDX-License-Identifier: Apache-2.0
/** STUN servers of the configuration that lie, or answer what nobody has asked. */
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import { CANDIDATES_MAX } from '../../topology/record.ts'
import { Cluster } from './cluster.ts'
import { bindingSuccess } from './simulated-stun.ts'

const at = (text: string) => text as TransportAddress
const LIARS = [at('198.51.100.66:3478'), at('198.51.100.67:3478')]

/** A hub, two hosts of which one asks the liars as well, and a third with which it has nothing to do. */
function world(lie: (count: number) => TransportAddress) {
  const cluster = new Cluster(7)
  let answers = 0
  for (const liar of LIARS) {
    const [ip, port] = liar.split(':')
    const host = cluster.network.host(`liar ${ip}`, cluster.network.internet, [ip!], 1)
    host.ports.set(Number(port), (frame, from) => {
      if (frame.kind !== 'stun') return
      const payload = bindingSuccess(frame.payload, lie(++answers))
      if (payload !== undefined) cluster.network.send(host, liar, from, { kind: 'stun', payload })
    })
  }
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  const hosts = ['fooled', 'bob', 'carol'].map((name) =>
    cluster.add(name, {
      realm: cluster.site('port-restricted'),
      ips: ['192.168.1.10'],
      ...(name === 'fooled' && { config: { stunServers: LIARS } }),
    }),
  )
  for (const host of hosts) host.start(hub)
  return { cluster, fooled: hosts[0]!, answers: () => answers }
}

describe('STUN servers that lie', () => {
  it.each([
    ['with one address, always the same', () => at('192.0.2.66:6')],
    [
      'with another port each time',
      (count: number) => at(`192.0.2.66:${1_024 + (count % 60_000)}`),
    ],
    ["with somebody else's address", () => at('198.51.100.1:41820')],
  ])('(%s) keep no pair from its direct path, and are not asked more often for it', (_, lie) => {
    const { cluster, fooled, answers } = world(lie)
    cluster.clock.run(20_000)
    expect(cluster.isDirect('fooled', 'bob')).toBe(true)
    expect(cluster.isDirect('fooled', 'carol')).toBe(true)
    expect(cluster.isDirect('bob', 'carol')).toBe(true)
    expect(fooled.agent!.own!.record.candidates.length).toBeLessThanOrEqual(CANDIDATES_MAX)
    cluster.clock.run(120_000)
    expect(cluster.isDirect('fooled', 'bob')).toBe(true)
    expect(answers()).toBeLessThan(60)
  })
})
