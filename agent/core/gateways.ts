// SPDX-License-Identifier: Apache-2.0
/**
 * How a prefix moves from one gateway to another without a lost answer. WireGuard takes a source address in from one peer
 * only, and what is on its way over the old gateway when a member changes over would be refused there. So everybody who
 * hears that a gateway drains, or no longer does, goes on as before for a moment; in that moment the gateways of its prefixes
 * begin to send what leaves from there a second time, in a form that is taken in from each of them, and go on until all
 * have changed over. It is the same with one that has died, each member by what it sees itself: leaving it can lose nothing
 * more, but it is taken back no less carefully.
 */
import { earliest, type Instant, later, type Now } from '../../nat/clock.ts'
import { heldPrefixes } from '../../topology/gateway.ts'
import { GATEWAY_BACK_MS, GATEWAY_LOST_MS, LATE_ANSWER_MS, PREFIX_HOLD_MS } from './constants.ts'
import { isReached } from './peer-paths.ts'
import { settle } from './state/gateway-standing.ts'
import type { Node, Peer } from './state.ts'

/** Whether that is news. */
export function takeDrain(node: Node, draining: boolean, now: Instant): boolean {
  if (node.draining === draining) return false
  node.lateUntil = later(now, LATE_ANSWER_MS)
  node.draining = draining
  return true
}

export function updateGateways(node: Node, now: Instant): void {
  if (node.lateUntil !== undefined && node.lateUntil <= now) node.lateUntil = undefined
  for (const peer of node.peers.values()) {
    const { gateway, record } = peer
    let begins = settle(gateway.draining, record.draining, now, PREFIX_HOLD_MS)
    if (record.certificate.prefixes.length > 0) {
      const reached = node.helper.connected ? isReached(peer) : gateway.reached.counts
      const holdMs = reached ? GATEWAY_BACK_MS : GATEWAY_LOST_MS
      begins = settle(gateway.reached, reached, now, holdMs) || begins
    }
    if (begins && sharesPrefix(node, peer)) node.lateUntil = later(now, LATE_ANSWER_MS)
  }
}

export function gatewayDeadline({ peers, lateUntil }: Node): Instant | undefined {
  const due = [lateUntil]
  for (const { gateway } of peers.values())
    due.push(gateway.draining.changesAt, gateway.reached.changesAt)
  return earliest(due)
}

/**
 * Prefixes that members still have to move from here before this gateway goes: those that it has, and another one would have
 * without it. By this node's own view, as members go by theirs; which of them send anything there, nobody knows.
 */
export function prefixesToHandOn(node: Node, { wall }: Pick<Now, 'wall'>): string[] {
  // As long as answers go a second time, somebody may not have moved yet.
  const hasLongDrained = node.draining && node.lateUntil === undefined
  const { certificate, network } = node.config
  if (hasLongDrained || certificate.prefixes.length === 0) return []
  const others = [...node.peers.values()]
    .filter((peer) => isReached(peer) && peer.record.certificate.notAfter > wall)
    .map(({ record }) => ({
      certificate: record.certificate,
      isReached: true,
      isDraining: record.draining,
    }))
  const ownIf = (isDraining: boolean) =>
    heldPrefixes(network, [...others, { certificate, isReached: true, isDraining }]).get(
      certificate.node,
    ) ?? []
  const kept = ownIf(true)
  const isUsable = (prefix: string) =>
    others.some((other) => !other.certificate.prefixes.includes(prefix))
  return ownIf(false).filter((prefix) => !kept.includes(prefix) && isUsable(prefix))
}

function sharesPrefix({ config }: Node, { record }: Peer): boolean {
  const own = config.certificate.prefixes
  return record.certificate.prefixes.some((prefix) => own.includes(prefix))
}
