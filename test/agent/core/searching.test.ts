// SPDX-License-Identifier: Apache-2.0
/** Ends of searches, as one node takes them. */
import { expect, it } from 'vitest'
import { searchFacts } from '../../../agent/core/searching.ts'
import { begin } from '../../../nat/search/search-schedule.ts'
import { link, oneNode } from './one-node.ts'

const [EARLIER, OWN] = ['e'.repeat(32), '0'.repeat(32)] as const

it('an older helper does not say which search was stopped: that is not the one under way', () => {
  const { node, now, membership, connect, hear, recordOf, helperEvent } = oneNode()
  const peer = membership.admit('peer')
  connect([link('eth0', '192.168.1.2/24')])
  hear(recordOf(peer))
  const known = node.peers.get(peer.certificate.node)!
  begin(known.search.state, now())
  const ends = (result: 'stopped' | 'nothing') => {
    const counts = { sockets: 256, probes: 256, endpoint: null, socket: null }
    helperEvent({ method: 'search-ended', peer: peer.helperName, result, ...counts })
    return !searchFacts(node, known).isUnderWay
  }
  expect(ends('stopped')).toBe(false)
  expect(ends('nothing')).toBe(true)
})

it.each(['stopped', 'nothing'] as const)(
  'a search of before that has ended (%s) is not an end of the one under way',
  (result) => {
    const { node, now, membership, connect, hear, recordOf, helperEvent } = oneNode()
    const peer = membership.admit('peer')
    connect([link('eth0', '192.168.1.2/24')])
    hear(recordOf(peer))
    const known = node.peers.get(peer.certificate.node)!
    begin(known.search.state, now())
    known.search.transaction = OWN
    const ends = (transaction: string) => {
      const counts = { sockets: 256, probes: 256, endpoint: null, socket: null }
      helperEvent({
        method: 'search-ended',
        peer: peer.helperName,
        transaction,
        result,
        ...counts,
      })
      return !searchFacts(node, known).isUnderWay
    }
    expect(ends(EARLIER)).toBe(false)
    expect(known.search.state.last).toBeUndefined()
    expect(ends(OWN)).toBe(true)
    expect(known.search.state.last?.result).toBe(result)
  },
)
