// SPDX-License-Identifier: Apache-2.0
/** The node's own certificate is renewed at half-life, and members whose certificates have run out are let go. */
import { type Instant, later, type Now } from '../../nat/clock.ts'
import { halfLifeOf, isRenewalDue } from '../../topology/certificate.ts'
import { dropLapsedNotices } from '../../topology/notice.ts'
import {
  EXPIRY_LOOK_MS,
  EXPIRY_LOOK_MS_MIN,
  RENEWAL_LOOK_MS,
  RENEWAL_RETRY_MS,
  RENEWAL_RETRY_MS_MAX,
  RENEWAL_RETRY_MS_MIN,
} from './constants.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { Event } from './event.ts'
import { forgetMember, isShutOut, takeOwnCertificate } from './notices.ts'
import type { Node } from './state.ts'

type Answer = Extract<Event, { kind: 'renewed' | 'renewal-failed' }>

/** Asks for the next certificate when half of this one's lifetime is over. */
export function renewOwn(node: Node, now: Now): Effect[] {
  const { renewal } = node
  if (renewal.asking || now.instant < renewal.askAt) return []
  if (node.leaving || isShutOut(node)) {
    renewal.askAt = later(now.instant, RENEWAL_LOOK_MS)
    return []
  }
  const { certificate } = node.config
  if (!isRenewalDue(certificate, now.wall)) {
    // The wall clock may be set meanwhile, so no wait is as long as a lifetime.
    const dueInMs = Math.max(1, halfLifeOf(certificate) - now.wall)
    renewal.askAt = later(now.instant, Math.min(RENEWAL_LOOK_MS, dueInMs))
    return []
  }
  renewal.asking = true
  return [{ kind: 'renew' }]
}

/** Takes what came of asking; an authority that is away is asked again, ever more slowly. */
export function takeRenewal(node: Node, answer: Answer, now: Now): Effect[] {
  const { renewal } = node
  renewal.asking = false
  const replaced =
    answer.kind === 'renewed'
      ? takeOwnCertificate(node, answer.certificate, answer.envelope, now)
      : []
  if (replaced.length > 0) {
    renewal.failures = 0
    renewal.askAt = now.instant
    return replaced
  }
  const pauseMs = retryMs(node)
  renewal.failures += 1
  renewal.askAt = later(now.instant, pauseMs)
  const reason =
    answer.kind === 'renewed' ? 'the authority has no newer certificate yet' : answer.reason
  const retryInS = Math.round(pauseMs / 1000)
  return [remember(node.events, { kind: 'renewal-failed', reason, retryInS }, now.wall)]
}

/** Lets go of members whose certificates have run out, and of notices that have no meaning any more. */
export function expireMembers(node: Node, now: Now): Effect[] {
  if (now.instant < node.expiryLookAt) return []
  dropLapsedNotices(node.notices, now.wall)
  let next = EXPIRY_LOOK_MS
  const effects: Effect[] = []
  for (const [id, { record }] of node.view.entries) {
    // What the authority put in its place counts.
    const { notAfter } = node.peers.get(id)?.record.certificate ?? record.certificate
    if (id === node.self) continue
    if (notAfter <= now.wall) effects.push(...forgetMember(node, id, 'expired', now))
    else next = Math.min(next, notAfter - now.wall)
  }
  node.expiryLookAt = later(now.instant, Math.max(EXPIRY_LOOK_MS_MIN, next))
  return effects
}

/** A record came whose certificate may run out before the next look. */
export function expectExpiry(node: Node, notAfter: number, now: Now): void {
  const at = later(now.instant, Math.max(EXPIRY_LOOK_MS_MIN, notAfter - now.wall))
  if (at < node.expiryLookAt) node.expiryLookAt = at
}

/** Of a short lifetime no more than a small part is waited away. */
function retryMs(node: Node): number {
  const { notBefore, notAfter } = node.config.certificate
  const longest = Math.min(RENEWAL_RETRY_MS_MAX, (notAfter - notBefore) / 32)
  const meanMs = Math.min(longest, RENEWAL_RETRY_MS * 2 ** Math.min(node.renewal.failures, 16))
  const spread = 0.5 + node.powers.entropy(1)[0]! / 256
  return Math.max(RENEWAL_RETRY_MS_MIN, meanMs * spread)
}

export function renewalDeadline(node: Node): Instant {
  const { asking, askAt } = node.renewal
  return asking || node.expiryLookAt < askAt ? node.expiryLookAt : askAt
}
