// SPDX-License-Identifier: Apache-2.0
/** Whether this node is on one side of a split: how many members it does not see, and whether the authorities are on its side. */
import type { Now } from '../../nat/clock.ts'
import type { Node, Peer } from './state.ts'
import type { Liveness, PartitionStatus } from './status.ts'

/** One host that is off is no split. */
const UNSEEN_MIN = 2

/** Nor are a few of many. */
const UNSEEN_SHARE = 1 / 4

/** So often everybody was asked, one member a period, before silence means anything. */
const ROUNDS = 2

/** Null while most members are seen. */
export function partitionOf(
  node: Node,
  lifeOf: (peer: Peer) => Liveness,
  now: Now,
): PartitionStatus | null {
  const peers = [...node.peers.values()].filter(
    ({ record }) => record.certificate.notAfter > now.wall,
  )
  const members = peers.length + 1
  const hasAskedAll = (node.swim?.periods ?? 0) >= ROUNDS * members
  const unseen = peers.filter((peer) => isUnseen(lifeOf(peer), hasAskedAll))
  if (unseen.length < UNSEEN_MIN || unseen.length < members * UNSEEN_SHARE) return null
  const authorities = peers.filter(({ record }) => record.certificate.authority)
  const own = node.config.certificate.authority ? 1 : 0
  const all = authorities.length + own
  const seen = authorities.filter((peer) => !unseen.includes(peer)).length + own
  const quorumLost = seen < Math.floor(all / 2) + 1
  const lost = quorumLost ? ', authority quorum lost' : ''
  return {
    unseen: unseen.length,
    members,
    authorities: all,
    authoritiesSeen: seen,
    quorumLost,
    sentence: `partitioned: ${unseen.length} of ${members} members unseen${lost}`,
  }
}

/** Right after the start nobody has been heard of yet. */
function isUnseen(life: Liveness, hasAskedAll: boolean): boolean {
  return life === 'failed' || (life === 'unknown' && hasAskedAll)
}
