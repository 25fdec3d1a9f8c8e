// SPDX-License-Identifier: Apache-2.0
/** One port that a router forwards, or is asked to: when to ask next. Time and randomness are handed in. */
import { type Instant, later } from './clock.ts'
import { PORT_LIFETIME_MS_MAX } from './constants.ts'
import type { Entropy } from './entropy.ts'

export type Transport = 'udp' | 'tcp'

/** Where the router listens for us, and until when. */
export interface Grant {
  readonly ip: string
  readonly port: number
  readonly at: Instant
  readonly lifetimeMs: number
}

export interface Lease {
  readonly transport: Transport
  readonly internalPort: number
  grant: Grant | undefined
  /** The external port to ask for: the one that we had, so that what peers know stays true. */
  wish: number
  /** Requests since the last grant or refusal. */
  tries: number
  askedAt: Instant | undefined
  askAt: Instant | undefined
}

/** RFC 6887 section 8.1.1: IRT and MRT. */
const RETRANSMISSION_MS_MIN = 3_000
const RETRANSMISSION_MS_MAX = 1_024_000

/** RFC 6887 section 11.2.1: renewals of one mapping are never closer together, whatever the lifetime. */
export const RENEWAL_GAP_MS_MIN = 4_000

/** A grant for less could not be renewed in time, and would come and go. */
export const LIFETIME_S_MIN = (2 * RENEWAL_GAP_MS_MIN) / 1_000

export function createLease(transport: Transport, internalPort: number): Lease {
  return {
    transport,
    internalPort,
    grant: undefined,
    wish: internalPort,
    tries: 0,
    askedAt: undefined,
    askAt: undefined,
  }
}

/** The wait after the n-th request that stayed without an answer: 3 s, doubled up to 1,024 s, a tenth up or down. */
export function retransmissionMs(tries: number, entropy: Entropy): number {
  const mean = Math.min(RETRANSMISSION_MS_MAX, RETRANSMISSION_MS_MIN * 2 ** Math.min(tries - 1, 10))
  return mean * (0.9 + 0.2 * fraction(entropy))
}

/** Notes that a request was sent, and when to send the next if nothing comes of it: soon if the grant is in doubt. */
export function noteRequest(
  lease: Lease,
  isInDoubt: boolean,
  now: Instant,
  entropy: Entropy,
): void {
  lease.tries += 1
  lease.askedAt = now
  const next =
    lease.grant === undefined
      ? later(now, retransmissionMs(lease.tries, entropy))
      : isInDoubt
        ? now
        : renewalAt(lease.grant, lease.tries + 1, entropy)
  lease.askAt = notTooSoon(lease, next)
}

export function noteGrant(
  lease: Lease,
  { ip, port, lifetimeS }: { ip: string; port: number; lifetimeS: number },
  now: Instant,
  entropy: Entropy,
): void {
  const lifetimeMs = Math.min(PORT_LIFETIME_MS_MAX, lifetimeS * 1_000)
  lease.grant = { ip, port, at: now, lifetimeMs }
  lease.wish = port
  lease.tries = 0
  lease.askAt = notTooSoon(lease, renewalAt(lease.grant, 1, entropy))
}

/** The next request is due now, or as soon after the last one as is decent. */
export function askSoon(lease: Lease, now: Instant): void {
  lease.tries = 0
  lease.askAt = notTooSoon(lease, now)
}

export function expiryOf(lease: Lease): Instant | undefined {
  return lease.grant === undefined ? undefined : later(lease.grant.at, lease.grant.lifetimeMs)
}

/** The grant is gone; the wish stays. */
export function dropGrant(lease: Lease): void {
  lease.grant = undefined
  lease.tries = 0
  lease.askAt = undefined
}

/** RFC 6887 section 11.2.1: after 1/2 to 5/8 of the lifetime, then 3/4 to 13/16, 7/8 to 29/32 and so on. */
function renewalAt({ at, lifetimeMs }: Grant, attempt: number, entropy: Entropy): Instant {
  const passed = 1 - 2 ** -attempt + fraction(entropy) * 2 ** -(attempt + 2)
  return later(at, lifetimeMs * passed)
}

function notTooSoon(lease: Lease, wanted: Instant): Instant {
  if (lease.askedAt === undefined) return wanted
  const earliest = later(lease.askedAt, RENEWAL_GAP_MS_MIN)
  return wanted > earliest ? wanted : earliest
}

function fraction(entropy: Entropy): number {
  const [high, low] = entropy(2)
  return ((high! << 8) | low!) / 65_536
}
