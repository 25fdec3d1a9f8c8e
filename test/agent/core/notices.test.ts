// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { statusOf } from '../../../agent/core/status-report.ts'
import { link, ofKind, oneNode } from './one-node.ts'

function withPeer() {
  const world = oneNode()
  world.connect([link('eth0', '192.168.1.10/24')])
  const peer = world.membership.admit('peer')
  const record = world.recordOf(peer, { relay: true })
  world.hear(record)
  return { ...world, peer, record }
}

describe('a member that is revoked', () => {
  it('goes from the plan at once, its links are closed, and its records are heard no more', () => {
    const { node, take, hear, membership, peer, record } = withPeer()
    const effects = take({ kind: 'notice', notice: membership.revoke(peer) })
    expect(ofKind(effects, 'apply')[0]?.desired.peers).toEqual([])
    expect(ofKind(effects, 'hang-up')).toEqual([{ kind: 'hang-up', node: peer.certificate.node }])
    expect(ofKind(effects, 'save-notices')).toHaveLength(1)
    expect(node.peers.size).toBe(0)
    hear(record)
    expect(node.peers.size).toBe(0)
    expect(node.view.entries.has(peer.certificate.node)).toBe(false)
    expect(take({ kind: 'notice', notice: membership.revoke(peer) })).toEqual([])
  })

  it('says so itself, and wants no peers any more', () => {
    const { node, now, take, membership, self } = withPeer()
    expect(statusOf(node, now()).self.membership).toBe('valid')
    const effects = take({ kind: 'notice', notice: membership.revoke(self) })
    expect(statusOf(node, now()).self.membership).toBe('revoked')
    expect(ofKind(effects, 'apply')[0]?.desired.peers).toEqual([])
    expect(ofKind(effects, 'event')).toMatchObject([{ entry: { kind: 'revoked' } }])
  })
})

describe('a certificate that the authority issued unasked', () => {
  it('counts for a member at once, whether or not the member uses it', () => {
    const { node, take, membership, peer } = withPeer()
    take({ kind: 'notice', notice: membership.edit(peer, { tags: ['db'], hub: false }) })
    const { certificate } = node.peers.get(peer.certificate.node)!.record
    expect(certificate).toMatchObject({ tags: ['db'], hub: false })
    expect(node.hubs.relays.size).toBe(0)
  })

  it('becomes the own one if it is for the keys that the node has, and the next record carries it', () => {
    const { node, take, run, membership, self } = withPeer()
    run(1_000)
    const before = node.lastOwnVersion
    const notice = membership.edit(self, { tags: ['db'] })
    const effects = [...take({ kind: 'notice', notice }), ...run(200)]
    expect(ofKind(effects, 'save-certificate')).toHaveLength(1)
    expect(node.own?.record.certificate.tags).toEqual(['db'])
    expect(node.lastOwnVersion).toBeGreaterThan(before)
    // An older one changes nothing.
    const again = take({ kind: 'notice', notice: membership.edit(self, { serial: 1, tags: [] }) })
    expect(ofKind(again, 'save-certificate')).toEqual([])
  })
})

describe('a host whose keys another one uses', () => {
  it('outbids a record that it did not make, and says so once it is certain, without a race', () => {
    const { node, now, run, hear, recordOf, self, sleep } = withPeer()
    run(1_000)
    const twinSays = () => {
      sleep(200)
      return hear(recordOf(self, { version: node.lastOwnVersion + 1 }))
    }
    expect(ofKind(twinSays(), 'publish')).toHaveLength(1)
    expect(statusOf(node, now()).self.twinSince).toBeNull()
    twinSays()
    expect(ofKind(twinSays(), 'event')).toMatchObject([{ entry: { kind: 'twin-seen' } }])
    expect(statusOf(node, now()).self.twinSince).not.toBeNull()
    // From then on at the usual pace, whatever the other says.
    const said = Array.from({ length: 20 }, () => ofKind(twinSays(), 'publish').length)
    expect(said.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1)
  })
})

describe('a delegated authority that the root withdraws', () => {
  it('takes with it the members that only it had let in, and leaves those with a newer certificate', () => {
    const { node, take, hear, run, recordOf, membership, peer } = withPeer()
    const delegated = membership.delegate()
    const thiefs = membership.admit('thief', {}, delegated.signer)
    const reissued = membership.admit('reissued', {}, delegated.signer)
    hear(recordOf(thiefs))
    hear(recordOf(reissued))
    run(1_000)
    take({ kind: 'notice', notice: membership.edit(reissued, {}) })
    expect(node.peers.size).toBe(3)
    const effects = take({ kind: 'notice', notice: membership.withdraw(delegated.key) })
    expect([...node.peers.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      [peer, reissued]
        .map(({ certificate }) => certificate.node)
        .toSorted((a, b) => (a < b ? -1 : 1)),
    )
    expect(ofKind(effects, 'hang-up')).toEqual([{ kind: 'hang-up', node: thiefs.certificate.node }])
    expect(ofKind(effects, 'event')).toMatchObject([
      { entry: { kind: 'authority-withdrawn' } },
      { entry: { kind: 'member-revoked', peer: 'thief' } },
    ])
  })
})
