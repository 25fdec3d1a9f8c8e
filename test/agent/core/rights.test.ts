// SPDX-License-Identifier: Apache-2.0
/** What a member may do is what its certificate says, as each receiver reads it: never what the member says of itself. */
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../agent/core/effect.ts'
import { planOf } from '../../../agent/core/want.ts'
import type { Certificate } from '../../../topology/certificate.ts'
import { encodeCanonical } from '../../../topology/canonical-cbor.ts'
import { policyOf } from '../../../topology/notice.ts'
import { sealEnvelope } from '../../../topology/envelope.ts'
import { verifyRecord } from '../../../topology/record-codec.ts'
import { link, ofKind, oneNode } from './one-node.ts'

function withPeer() {
  const world = oneNode()
  world.connect([link('eth0', '192.168.1.10/24')])
  const peer = world.membership.admit('peer')
  world.run(1_000)
  return { ...world, peer }
}

const applied = (effects: readonly Effect[]) => ofKind(effects, 'apply').at(-1)?.desired

describe('what a member may do, as a receiver sees it', () => {
  it('tags: the policy goes by those of its certificate, from the moment that they change', () => {
    const { membership, peer, take, hear, recordOf, node } = withPeer()
    hear(recordOf(peer))
    const rule = { from: ['tag:ops'], to: ['*'], protocol: 'tcp', ports: [[22, 22]] } as const
    take({ kind: 'notice', notice: membership.policy([rule]) })
    expect(policyOf(node.notices)?.rules).toHaveLength(1)
    const ssh = (effects: readonly Effect[]) =>
      applied(effects)?.firewall?.allow.filter(({ ports }) => ports.some(([low]) => low === 22))
    const given = take({ kind: 'notice', notice: membership.edit(peer, { tags: ['ops'] }) })
    expect(ssh(given)?.[0]?.from).toContain(peer.certificate.ipv4)
    const taken = take({ kind: 'notice', notice: membership.edit(peer, { tags: [] }) })
    expect(ssh(taken)).toEqual([])
  })

  it('prefixes: those of its certificate are taken from it, others are not, and they go when they are taken back', () => {
    const { membership, peer, take, hear, recordOf } = withPeer()
    const own = [`${peer.certificate.ipv4}/32`, `${peer.certificate.ipv6}/128`]
    expect(applied(hear(recordOf(peer)))?.peers[0]?.allowedIps).toEqual(own)
    const edit = (changes: Partial<Certificate>) =>
      applied(take({ kind: 'notice', notice: membership.edit(peer, changes) }))
    const lan = '192.168.77.0/24'
    expect(edit({ prefixes: [lan] })?.peers[0]?.allowedIps).toEqual([...own, lan])
    expect(edit({ prefixes: [] })?.peers[0]?.allowedIps).toEqual(own)
  })

  it('hub: nobody relays over a member that says it forwards and may not', () => {
    const { membership, peer, take, hear, recordOf, node } = withPeer()
    hear(recordOf(peer, { relay: true }))
    expect([...node.hubs.relays]).toEqual([peer.certificate.node])
    take({ kind: 'notice', notice: membership.edit(peer, { hub: false }) })
    expect([...node.hubs.relays]).toEqual([])
    hear(recordOf(peer, { relay: true, version: node.lastOwnVersion + 60_000 }))
    expect([...node.hubs.relays]).toEqual([])
  })

  it('gateway: two members that may have one prefix do not have it twice, and none has a piece of the mesh', () => {
    const { membership, peer, take, hear, recordOf, node, now } = withPeer()
    const other = membership.admit('other')
    hear(recordOf(peer))
    hear(recordOf(other))
    const prefixes = ['0.0.0.0/0', membership.network.ipv4Prefix, '192.168.77.0/24'].sort()
    for (const one of [peer, other])
      take({ kind: 'notice', notice: membership.edit(one, { prefixes }) })
    const all = planOf(node, now()).peers.flatMap(({ allowedIps }) => allowedIps)
    expect(new Set(all).size).toBe(all.length)
    expect(all.filter((one) => prefixes.includes(one))).toEqual(['0.0.0.0/0', '192.168.77.0/24'])
  })

  it('a record that claims rights of its own changes nothing: only the certificate has such fields', () => {
    const { membership, peer, now } = withPeer()
    const claims = { tags: ['ops'], prefixes: ['0.0.0.0/0'], hub: true, authority: true }
    const genuine = recordContent(peer.certificateBytes, now().wall)
    const sealed = sealEnvelope('record', encodeCanonical({ ...genuine, ...claims }), peer.signer)
    const read = verifyRecord(sealed, membership.network, membership.crypto, now().wall)
    if (!read.ok) throw new Error(read.error)
    expect(read.value.certificate).toEqual(peer.certificate)
    expect(Object.keys(read.value)).not.toContain('tags')
    expect(Object.keys(read.value)).not.toContain('prefixes')
  })
})

function recordContent(certificate: Uint8Array, now: number) {
  return {
    certificate,
    version: now,
    issuedAt: now,
    present: true,
    candidates: [],
    nat: { mapping: 'unknown', filtering: 'unknown', lifetimeMs: null },
    dialAddresses: [],
    dialPort: 41_820,
    stunServers: [],
    relay: false,
    draining: false,
    birthdaySearch: false,
    hubs: [],
  }
}
