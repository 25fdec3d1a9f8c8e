// SPDX-License-Identifier: Apache-2.0
/**
 * Asks STUN servers where they see this host (RFC 8489 section 6.2.1), over the helper's one port.
 * An answer counts only if both its transaction and its source are those of an open question.
 */
import type { TransportAddress } from './address.ts'
import { type Instant, earliest, later } from './clock.ts'
import {
  STUN_REFRESH_MS_MAX,
  STUN_REFRESH_MS_MIN,
  STUN_REQUESTS_MAX,
  STUN_RETRY_MS,
  STUN_RTO_MS,
  STUN_SERVERS_MAX,
} from './constants.ts'
import type { Entropy } from './entropy.ts'
import { toHex } from './hex.ts'
import type { StunCodec } from './stun-codec.ts'

interface Question {
  readonly transaction: string
  readonly askedAt: Instant
  requests: number
  resendAt: Instant
}

interface Server {
  readonly address: TransportAddress
  question: Question | undefined
  askAt: Instant
  /** The latest answer, kept until a later question stays without one. */
  mapped: TransportAddress | undefined
  rttMs: number | undefined
  failures: number
}

export interface StunClient {
  readonly servers: Map<TransportAddress, Server>
  /** Known servers in order of preference; the first ones that answer are used. */
  known: readonly TransportAddress[]
}

/** What one observer saw: `mapped` is our address as seen from `observer`. */
export interface MappingObservation {
  readonly observer: TransportAddress
  readonly mapped: TransportAddress
}

export interface StunServerState {
  readonly server: TransportAddress
  readonly mapped: TransportAddress | undefined
  readonly rttMs: number | undefined
  /** Questions in a row that stayed without an answer. */
  readonly failures: number
}

export interface StunRequest {
  readonly to: TransportAddress
  readonly payload: Uint8Array
}

export function createStunClient(): StunClient {
  return { servers: new Map(), known: [] }
}

/** Names the servers that may be asked, best first. Answers of those that stay are kept. */
export function setStunServers(
  client: StunClient,
  servers: readonly TransportAddress[],
  now: Instant,
): void {
  client.known = [...new Set(servers)]
  for (const address of client.servers.keys()) {
    if (!client.known.includes(address)) client.servers.delete(address)
  }
  recruit(client, now)
}

/** Asks every server anew at once: where links have changed, what was asked over the old ones says nothing. */
export function askAgain(client: StunClient, now: Instant): void {
  for (const server of client.servers.values()) {
    server.question = undefined
    server.askAt = now
  }
}

/** Asks the servers at once that have answered and rest: something hints that the mapping is another one now. */
export function askIdle(client: StunClient, now: Instant): void {
  for (const server of client.servers.values()) {
    if (server.question === undefined && server.failures === 0) server.askAt = now
  }
}

/**
 * A person wants to know: asks all who rest, the silent ones as well. A question that is open goes on: begun anew each time, it
 * would never be given up for one who asks often, and an answer of before would stand for ever.
 */
export function askResting(client: StunClient, now: Instant): void {
  for (const server of client.servers.values())
    if (server.question === undefined) server.askAt = now
}

/** Whether an answer may soon be another one, or the first. Who was silent before is not waited for. */
export function isAwaitingAnswers(client: StunClient): boolean {
  return [...client.servers.values()].some(
    ({ question, failures }) => question !== undefined && failures === 0,
  )
}

/** What to send now. Call it again at `stunDeadline`. */
export function stunRequests(
  client: StunClient,
  now: Instant,
  entropy: Entropy,
  codec: StunCodec,
): StunRequest[] {
  const requests: StunRequest[] = []
  for (const server of client.servers.values()) {
    const question = server.question
    if (question !== undefined && question.resendAt <= now) {
      if (question.requests >= STUN_REQUESTS_MAX) giveUp(server, now)
      else requests.push(resend(server.address, question, now, codec))
    } else if (question === undefined && server.askAt <= now) {
      const transaction = toHex(entropy(12))
      server.question = { transaction, askedAt: now, requests: 0, resendAt: now }
      requests.push(resend(server.address, server.question, now, codec))
    }
  }
  recruit(client, now)
  return requests
}

/** Takes a datagram; true if it answered an open question. Anything else is ignored. */
export function receiveStun(
  client: StunClient,
  from: TransportAddress,
  payload: Uint8Array,
  now: Instant,
  entropy: Entropy,
  codec: StunCodec,
): boolean {
  const server = client.servers.get(from)
  if (server?.question === undefined) return false
  const message = codec.decode(payload)
  if (!message.ok || message.value.transaction !== server.question.transaction) return false
  if (message.value.type !== 'binding-success' || message.value.mapped === undefined) return false
  // Karn's rule: after a resend nobody knows which request was answered.
  if (server.question.requests === 1) server.rttMs = now - server.question.askedAt
  server.question = undefined
  server.mapped = message.value.mapped
  server.failures = 0
  server.askAt = later(now, spread(STUN_REFRESH_MS_MIN, STUN_REFRESH_MS_MAX, entropy))
  return true
}

/** The answers in force, sorted by server. */
export function mappingObservations(client: StunClient): MappingObservation[] {
  return stunServerStates(client).flatMap((state) =>
    state.mapped === undefined ? [] : [{ observer: state.server, mapped: state.mapped }],
  )
}

/** Every server in use, sorted. */
export function stunServerStates(client: StunClient): StunServerState[] {
  return [...client.servers.values()]
    .map(({ address, mapped, rttMs, failures }) => ({ server: address, mapped, rttMs, failures }))
    .sort((a, b) => (a.server < b.server ? -1 : 1))
}

export function stunDeadline(client: StunClient): Instant | undefined {
  return earliest(
    [...client.servers.values()].map((server) => server.question?.resendAt ?? server.askAt),
  )
}

function resend(
  to: TransportAddress,
  question: Question,
  now: Instant,
  codec: StunCodec,
): StunRequest {
  question.resendAt = later(now, STUN_RTO_MS * 2 ** question.requests)
  question.requests += 1
  return { to, payload: codec.encodeBindingRequest(question.transaction) }
}

function giveUp(server: Server, now: Instant): void {
  server.question = undefined
  server.mapped = undefined
  server.rttMs = undefined
  server.failures += 1
  server.askAt = later(now, STUN_RETRY_MS)
}

/** Keeps up to STUN_SERVERS_MAX servers that are not known to be silent, plus those being retried. */
function recruit(client: StunClient, now: Instant): void {
  const inUse = () => [...client.servers.values()].filter((s) => s.failures === 0).length
  for (const address of client.known) {
    if (inUse() >= STUN_SERVERS_MAX || client.servers.size >= 4 * STUN_SERVERS_MAX) return
    if (client.servers.has(address)) continue
    client.servers.set(address, {
      address,
      question: undefined,
      askAt: now,
      mapped: undefined,
      rttMs: undefined,
      failures: 0,
    })
  }
}

function spread(min: number, max: number, entropy: Entropy): number {
  const [high, low] = entropy(2)
  return min + ((max - min) * ((high! << 8) | low!)) / 65_536
}
