// SPDX-License-Identifier: Apache-2.0
/** What this host, being an authority, sees of the store that several of them share. */
import type { Now } from '../../nat/clock.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { Node } from './state.ts'
import type { QuorumStatus } from './status.ts'

type Members = QuorumStatus['members']

export function answeringOf(members: Members): number {
  return members.filter(({ healthy }) => healthy).length
}

/** Without more than half of them nothing is decided. */
export function isQuorum(members: Members): boolean {
  return answeringOf(members) > members.length / 2
}

/** An event tells when the majority goes, and when it is back. */
export function takeQuorum(node: Node, quorum: QuorumStatus, now: Now): Effect[] {
  const had = node.authorityQuorum?.quorum ?? true
  node.authorityQuorum = quorum
  if (had === quorum.quorum) return []
  const kind = quorum.quorum ? 'authority-quorum-back' : 'authority-quorum-lost'
  const answering = answeringOf(quorum.members)
  return [remember(node.events, { kind, answering, of: quorum.members.length }, now.wall)]
}
