// SPDX-License-Identifier: Apache-2.0
/** A gateway that shares one of its two prefixes with others, and members that it does or does not reach. */
import type { HelperPeer } from '../../../agent/core/helper-contract.ts'
import { prefixesToHandOn } from '../../../agent/core/gateways.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import { directPath } from '../../../topology/planned-path.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { Member } from '../../sim/membership.ts'
import { link, oneNode } from './one-node.ts'

export const SHARED = '192.168.77.0/24'

export function gatewayThatGoes() {
  const world = oneNode()
  const { node, membership, hear, recordOf, connect, now, sleep } = world
  const certificate = { ...node.config.certificate, prefixes: [SHARED, '10.99.0.0/16'] }
  node.config = { ...node.config, certificate }
  const known = new Set<Member>()
  /** The members to which a path is up, and no others. */
  const reach = (...members: readonly Member[]) => {
    for (const member of members) {
      known.add(member)
      hear(recordOf(member))
    }
    const peers = [...known].map((member, n) => withPath(member, n, members.includes(member)))
    connect([link('eth0', '192.168.1.10/24')], peers)
  }
  const say = (member: Member, content: Partial<NodeRecord>) => {
    sleep(1_000)
    hear(recordOf(member, content))
  }
  /** Of gateways of one prefix that with the lowest id has it, and ids are drawn. */
  const admitGateway = (isLater: boolean): Member => {
    for (let n = 0; ; n++) {
      const gateway = membership.admit(`gateway-${isLater}-${n}`, { prefixes: [SHARED] })
      if (node.self < gateway.certificate.node === isLater) return gateway
    }
  }
  return {
    ...world,
    reach,
    say,
    member: membership.admit('member'),
    /** Another gateway that has the prefix only without this one. */
    later: admitGateway(true),
    /** Another gateway that has it before this one. */
    earlier: admitGateway(false),
    handsOn: () => prefixesToHandOn(node, now()),
  }
}

/** A peer as the helper tells of it, with one direct path; `n`: another one for each peer. */
export function withPath({ helperName }: Member, n: number, up: boolean): HelperPeer {
  const endpoint = `198.51.100.${n + 1}:1` as TransportAddress
  const { id } = directPath({ endpoint })
  const counters = { rxBytes: 0, txBytes: 0, lastHandshakeMs: null, allowedIps: [] }
  const place = { id, kind: 'direct', endpoint, via: [], server: null, socket: null } as const
  const figures = { carries: null, rttUs: 1_000, lossPermille: 0, lastReplyMs: null }
  return {
    publicKey: helperName,
    keepaliveMs: 25_000,
    ...counters,
    activePath: id,
    session: { rttUs: null, ageMs: null },
    paths: [{ ...place, up, ...figures }],
  }
}
