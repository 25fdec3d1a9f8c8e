// SPDX-License-Identifier: Apache-2.0
/**
 * Asks the default gateway to forward this host's ports. What it is asked, and when; what it answers is taken in
 * port-mapping-answers.ts.
 *
 * ```
 *              PCP granted it, or refused, or was silent: then NAT-PMP, then UPnP
 * searching ---------------------------------------------------------------------> held by one protocol
 *     ^  attempts at 0, 3, 9, 21 s ... (RFC 6887 section 8.1.1)                        |  TCP is asked for next;
 *     +------------- expired, refused, or another gateway -----------------------------+  both renewed at half-life
 * ```
 * UDP is asked for first, because it is what paths need; TCP only makes the host dialable.
 */
import { type Instant, earliest, later } from './clock.ts'
import {
  NAT_PMP_PATIENCE_MS,
  PCP_PATIENCE_MS,
  PORT_DOUBT_MS,
  PORT_LIFETIME_S,
} from './constants.ts'
import type { Entropy } from './entropy.ts'
import type { Epoch } from './gateway-epoch.ts'
import {
  addressRequest,
  type Gateway,
  type GatewayRequest,
  mapRequest,
  type MappingProtocol,
} from './gateway-request.ts'
import {
  askSoon,
  createLease,
  dropGrant,
  expiryOf,
  type Lease,
  noteRequest,
  RENEWAL_GAP_MS_MIN,
  retransmissionMs,
  type Transport,
} from './port-lease.ts'

/** closed: nothing listens there. too-short: a lifetime that could not be kept up. */
export type Refusal =
  | 'closed'
  | 'unsupported-version'
  | 'no-service'
  | 'unreachable'
  | 'malformed'
  | 'refused'
  | 'bad-answer'
  | 'too-short'

/** What became of a protocol so far. */
export interface Standing {
  answered: boolean
  refusal: Refusal | undefined
  /** The router's own number for its refusal. */
  code: number | undefined
  /** Until then it is not asked again. */
  refusedUntil: Instant | undefined
  /** Whether it was asked for a mapping in this attempt. */
  asked: boolean
}

export interface PortMapping {
  gateway: Gateway | undefined
  /** PCP's, the same in all requests for one mapping (RFC 6887 section 11.2). */
  nonces: Readonly<Record<Transport, Uint8Array>>
  readonly leases: Readonly<Record<Transport, Lease>>
  readonly standings: Record<MappingProtocol, Standing>
  /** The protocol that granted; the others are not asked as long as it does. */
  holder: MappingProtocol | undefined
  /** Something speaks against the mapping: until then the router must have confirmed it. */
  doubtUntil: Instant | undefined
  attempts: number
  attemptedAt: Instant | undefined
  attemptAt: Instant | undefined
  /** NAT-PMP tells address and port apart. */
  natPmpIp: string | undefined
  readonly epochs: { pcp: Epoch | undefined; natPmp: Epoch | undefined }
}

const NO_NONCES = { udp: new Uint8Array(), tcp: new Uint8Array() }

export function createPortMapping(ports: Readonly<Record<Transport, number>>): PortMapping {
  return {
    gateway: undefined,
    nonces: NO_NONCES,
    leases: { udp: createLease('udp', ports.udp), tcp: createLease('tcp', ports.tcp) },
    standings: { pcp: newStanding(), 'nat-pmp': newStanding(), upnp: newStanding() },
    holder: undefined,
    doubtUntil: undefined,
    attempts: 0,
    attemptedAt: undefined,
    attemptAt: undefined,
    natPmpIp: undefined,
    epochs: { pcp: undefined, natPmp: undefined },
  }
}

/** Another gateway, or another address of ours: whatever was mapped is of no use here and is forgotten. */
export function useGateway(
  mapping: PortMapping,
  gateway: Gateway | undefined,
  nonces: Readonly<Record<Transport, Uint8Array>>,
  now: Instant,
): void {
  mapping.gateway = gateway
  mapping.nonces = nonces
  for (const protocol of ['pcp', 'nat-pmp', 'upnp'] as const) {
    mapping.standings[protocol] = newStanding()
  }
  mapping.natPmpIp = undefined
  mapping.epochs.pcp = undefined
  mapping.epochs.natPmp = undefined
  mapping.leases.udp.askedAt = undefined
  mapping.leases.tcp.askedAt = undefined
  search(mapping, now)
  if (gateway === undefined) mapping.attemptAt = undefined
}

/** What to send now. Call it again at `portMappingDeadline`, and after every answer. */
export function portMappingRequests(
  mapping: PortMapping,
  now: Instant,
  entropy: Entropy,
): GatewayRequest[] {
  expire(mapping, now)
  if (mapping.gateway === undefined) return []
  const { holder, leases } = mapping
  if (holder === undefined)
    return [...attempt(mapping, now, entropy), ...turns(mapping, now, entropy)]
  return [leases.udp, leases.tcp]
    .filter(({ askAt }) => askAt !== undefined && askAt <= now)
    .flatMap((lease) => ask(mapping, holder, lease, now, entropy))
}

export function portMappingDeadline(mapping: PortMapping): Instant | undefined {
  const { udp, tcp } = mapping.leases
  if (mapping.holder !== undefined) {
    return earliest([mapping.doubtUntil, udp.askAt, tcp.askAt, expiryOf(udp), expiryOf(tcp)])
  }
  const { attemptedAt, attemptAt } = mapping
  if (attemptedAt === undefined) return attemptAt
  return earliest([
    attemptAt,
    waitsForItsTurn(mapping, 'nat-pmp') ? later(attemptedAt, PCP_PATIENCE_MS) : undefined,
    waitsForItsTurn(mapping, 'upnp') ? later(attemptedAt, NAT_PMP_PATIENCE_MS) : undefined,
  ])
}

/** The NAT has forgotten something, or a person asks: what is held must be confirmed, what was refused is asked again. */
export function refreshPortMapping(mapping: PortMapping, now: Instant): void {
  const { leases, standings, holder, gateway } = mapping
  if (gateway === undefined) return
  if (holder !== undefined) {
    mapping.doubtUntil ??= later(now, PORT_DOUBT_MS)
    askSoon(leases.udp, now)
    askSoon(leases.tcp, now)
    return
  }
  for (const standing of Object.values(standings)) standing.refusedUntil = undefined
  search(mapping, now)
}

/** Gives back what was granted, and asks for nothing any more. */
export function releasePortMapping(mapping: PortMapping, now: Instant): GatewayRequest[] {
  const { gateway, holder, leases, nonces } = mapping
  const granted = [leases.udp, leases.tcp].filter(({ grant }) => grant !== undefined)
  const requests =
    gateway === undefined || holder === undefined
      ? []
      : granted.map((lease) => mapRequest(gateway, holder, lease, nonces[lease.transport], 0))
  useGateway(mapping, undefined, NO_NONCES, now)
  return requests
}

/** Begins to search anew, but not faster than a renewal could come. */
export function search(mapping: PortMapping, now: Instant): void {
  const { udp, tcp } = mapping.leases
  const soonest = later(udp.askedAt ?? later(now, -RENEWAL_GAP_MS_MIN), RENEWAL_GAP_MS_MIN)
  dropGrant(udp)
  dropGrant(tcp)
  mapping.holder = undefined
  mapping.doubtUntil = undefined
  mapping.attempts = 0
  mapping.attemptedAt = undefined
  mapping.attemptAt = soonest > now ? soonest : now
}

function expire(mapping: PortMapping, now: Instant): void {
  const { udp, tcp } = mapping.leases
  const endsAt = earliest([expiryOf(udp), mapping.doubtUntil]) ?? Infinity
  if (endsAt <= now) search(mapping, now)
  else if ((expiryOf(tcp) ?? Infinity) <= now) {
    dropGrant(tcp)
    askSoon(tcp, now)
  }
}

/** One round of questions to all that have not refused. Only PCP's asks for a mapping at once. */
function attempt(mapping: PortMapping, now: Instant, entropy: Entropy): GatewayRequest[] {
  if (mapping.attemptAt === undefined || mapping.attemptAt > now) return []
  mapping.attempts += 1
  mapping.attemptedAt = now
  mapping.attemptAt = later(now, retransmissionMs(mapping.attempts, entropy))
  for (const standing of Object.values(mapping.standings)) {
    standing.asked = false
    if ((standing.refusedUntil ?? now) <= now) standing.refusedUntil = undefined
  }
  const requests: GatewayRequest[] = []
  if (mayAsk(mapping, 'pcp')) {
    requests.push(...ask(mapping, 'pcp', mapping.leases.udp, now, entropy))
  }
  if (mayAsk(mapping, 'nat-pmp')) {
    requests.push(addressRequest())
  }
  if (mayAsk(mapping, 'upnp')) requests.push({ kind: 'upnp', request: { action: 'discover' } })
  return requests
}

/** Who answered and is next in line is asked for the mapping. */
function turns(mapping: PortMapping, now: Instant, entropy: Entropy): GatewayRequest[] {
  const { attemptedAt } = mapping
  if (attemptedAt === undefined) return []
  const isOut = (protocol: 'pcp' | 'nat-pmp', patienceMs: number) =>
    !mayAsk(mapping, protocol) || now >= later(attemptedAt, patienceMs)
  const requests: GatewayRequest[] = []
  if (!isOut('pcp', PCP_PATIENCE_MS)) return requests
  for (const protocol of ['nat-pmp', 'upnp'] as const) {
    if (protocol === 'upnp' && !isOut('nat-pmp', NAT_PMP_PATIENCE_MS)) break
    if (!waitsForItsTurn(mapping, protocol)) continue
    requests.push(...ask(mapping, protocol, mapping.leases.udp, now, entropy))
  }
  return requests
}

function waitsForItsTurn(mapping: PortMapping, protocol: 'nat-pmp' | 'upnp'): boolean {
  const { answered, asked } = mapping.standings[protocol]
  if (protocol === 'nat-pmp' && mapping.natPmpIp === undefined) return false
  return answered && !asked && mayAsk(mapping, protocol)
}

/** To an IPv6 router only PCP opens a way in; the others are about IPv4. */
function mayAsk(mapping: PortMapping, protocol: MappingProtocol): boolean {
  if (protocol !== 'pcp' && mapping.gateway?.address.includes(':') === true) return false
  return mapping.standings[protocol].refusedUntil === undefined
}

function ask(
  mapping: PortMapping,
  protocol: MappingProtocol,
  lease: Lease,
  now: Instant,
  entropy: Entropy,
): GatewayRequest[] {
  const { gateway, nonces, standings } = mapping
  if (gateway === undefined) return []
  noteRequest(lease, mapping.doubtUntil !== undefined, now, entropy)
  standings[protocol].asked = true
  const asked = mapRequest(gateway, protocol, lease, nonces[lease.transport], PORT_LIFETIME_S)
  const asksAddress = protocol === 'nat-pmp' && lease.transport === 'udp'
  if (!asksAddress) return [asked]
  return [addressRequest(), asked]
}

function newStanding(): Standing {
  return {
    answered: false,
    refusal: undefined,
    code: undefined,
    refusedUntil: undefined,
    asked: false,
  }
}
