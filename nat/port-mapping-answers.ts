// SPDX-License-Identifier: Apache-2.0
/**
 * What the gateway says, judged: it counts only if it comes from the gateway, answers what was asked, and makes sense.
 * A grant that comes when another protocol already holds the mapping is left to run out.
 */
import { addressScope } from './address-scope.ts'
import { type Instant, later } from './clock.ts'
import { PORT_REFUSAL_MS, PORT_REFUSAL_MS_MAX, PORT_REFUSAL_MS_MIN } from './constants.ts'
import type { Entropy } from './entropy.ts'
import type { MappingProtocol } from './gateway-request.ts'
import { type Epoch, natPmpEpochHolds, pcpEpochHolds } from './gateway-epoch.ts'
import { toHex } from './hex.ts'
import {
  decodeNatPmpResponse,
  NAT_PMP_UNSUPPORTED_VERSION,
  type NatPmpResponse,
} from './nat-pmp-codec.ts'
import {
  decodePcpResponse,
  PCP_SUCCESS,
  PCP_UNSUPPORTED_VERSION,
  type PcpMapping,
  type PcpResponse,
  PROTOCOL_NUMBERS,
} from './pcp-codec.ts'
import { askSoon, dropGrant, LIFETIME_S_MIN, type Lease, noteGrant } from './port-lease.ts'
import { type PortMapping, type Refusal, search } from './port-mapping.ts'
import type { UpnpResult } from './upnp-request.ts'

interface Moment {
  readonly now: Instant
  readonly entropy: Entropy
}

interface Offer {
  readonly ip: string
  readonly port: number
  readonly lifetimeS: number
}

interface Denial {
  readonly refusal: Refusal
  readonly code?: number
  readonly forMs?: number
}

/** Takes a datagram; true if it says anything about a question of ours. `from`: an IP address. */
export function receiveFromGateway(
  mapping: PortMapping,
  from: string,
  payload: Uint8Array,
  moment: Moment,
): boolean {
  if (mapping.gateway === undefined || from !== mapping.gateway.address) return false
  const pcp = decodePcpResponse(payload)
  if (pcp.ok) return takePcp(mapping, pcp.value, moment)
  const natPmp = decodeNatPmpResponse(payload)
  return natPmp.ok && takeNatPmp(mapping, natPmp.value, moment)
}

/** The gateway's own ICMP says that nobody is there: no need to wait. */
export function gatewayPortClosed(mapping: PortMapping, { now }: Moment): void {
  const { holder, doubtUntil } = mapping
  if (doubtUntil !== undefined && (holder === 'pcp' || holder === 'nat-pmp')) search(mapping, now)
  for (const protocol of ['pcp', 'nat-pmp'] as const) {
    if (mapping.holder !== protocol) deny(mapping, protocol, undefined, { refusal: 'closed' }, now)
  }
}

export function takeUpnpResult(mapping: PortMapping, result: UpnpResult, moment: Moment): boolean {
  const standing = mapping.standings.upnp
  if (mapping.gateway === undefined) return false
  switch (result.outcome) {
    case 'found':
      standing.answered = true
      return true
    case 'mapped': {
      const lease = mapping.leases[result.transport]
      if (!standing.asked || result.internalPort !== lease.internalPort) return false
      const { externalIp: ip, externalPort: port, lifetimeS } = result
      return grant(mapping, 'upnp', lease, { ip, port, lifetimeS }, moment)
    }
    case 'failed': {
      const { request, fault, code } = result
      if (fault === 'no-answer' || request.action === 'unmap') return false
      standing.answered = true
      // It may be back before the mapping expires; the next renewal will show.
      if (mapping.holder === 'upnp' && fault === 'unreachable') return true
      const lease = request.action === 'map' ? mapping.leases[request.transport] : undefined
      const denial = { refusal: fault, ...(code === undefined ? {} : { code }) }
      return deny(mapping, 'upnp', lease, denial, moment.now)
    }
  }
}

function takePcp(mapping: PortMapping, response: PcpResponse, moment: Moment): boolean {
  const { result, lifetimeS, map } = response
  const { now } = moment
  mapping.standings.pcp.answered = true
  if (!response.answersMap) {
    // Appendix A: our NAT-PMP question was answered by a server that speaks PCP only.
    if (result !== PCP_UNSUPPORTED_VERSION) return false
    return deny(mapping, 'nat-pmp', undefined, { refusal: 'unsupported-version' }, now)
  }
  const lease = map === undefined ? undefined : leaseOf(mapping, map)
  if (map !== undefined && lease === undefined) return false
  if (result !== PCP_SUCCESS) {
    const isOld = result === PCP_UNSUPPORTED_VERSION
    const refusal = isOld ? ('unsupported-version' as const) : ('refused' as const)
    // Section 7.2: the lifetime of an error says for how long it will be one.
    const forMs = isOld ? PORT_REFUSAL_MS_MAX : lifetimeS * 1_000
    return deny(mapping, 'pcp', lease, { refusal, code: result, forMs }, now)
  }
  if (map === undefined || lease === undefined) return false
  const epoch = { serverS: response.epochS, at: now }
  const before = mapping.epochs.pcp
  mapping.epochs.pcp = epoch
  if (mapping.holder === 'pcp' && before !== undefined && !pcpEpochHolds(before, epoch)) {
    renewOthers(mapping, lease, now)
  }
  return grant(
    mapping,
    'pcp',
    lease,
    { ip: map.externalIp, port: map.externalPort, lifetimeS },
    moment,
  )
}

function takeNatPmp(mapping: PortMapping, response: NatPmpResponse, moment: Moment): boolean {
  const { now } = moment
  const standing = mapping.standings['nat-pmp']
  standing.answered = true
  if (response.kind === 'error') {
    const { result: code, about } = response
    if (code === NAT_PMP_UNSUPPORTED_VERSION) {
      // RFC 6886 section 3.5: it does not know PCP. Of its own version it could not say so.
      const forMs = PORT_REFUSAL_MS_MAX
      return deny(mapping, 'pcp', undefined, { refusal: 'unsupported-version', forMs }, now)
    }
    const lease = about === 1 ? mapping.leases.udp : about === 2 ? mapping.leases.tcp : undefined
    if (lease !== undefined && !standing.asked) return false
    return deny(mapping, 'nat-pmp', lease, { refusal: 'refused', code }, now)
  }
  const lease = response.kind === 'mapping' ? mapping.leases[response.transport] : undefined
  noteNatPmpEpoch(mapping, { serverS: response.epochS, at: now }, lease)
  if (response.kind === 'address') return takeNatPmpAddress(mapping, response.externalIp, moment)
  if (lease?.internalPort !== response.internalPort || !standing.asked) return false
  if (mapping.natPmpIp === undefined) return false
  const { externalPort: port, lifetimeS } = response
  return grant(mapping, 'nat-pmp', lease, { ip: mapping.natPmpIp, port, lifetimeS }, moment)
}

function takeNatPmpAddress(mapping: PortMapping, ip: string, { now }: Moment): boolean {
  if (!isUsable(ip)) return deny(mapping, 'nat-pmp', undefined, { refusal: 'bad-answer' }, now)
  mapping.natPmpIp = ip
  if (mapping.holder !== 'nat-pmp') return true
  for (const lease of Object.values(mapping.leases)) {
    if (lease.grant !== undefined) lease.grant = { ...lease.grant, ip }
  }
  return true
}

function noteNatPmpEpoch(mapping: PortMapping, epoch: Epoch, lease: Lease | undefined): void {
  const before = mapping.epochs.natPmp
  const isRestart = before !== undefined && !natPmpEpochHolds(before, epoch)
  mapping.epochs.natPmp = epoch
  if (isRestart && mapping.holder === 'nat-pmp') renewOthers(mapping, lease, epoch.at)
}

/** The router has lost its mappings; the one that it is just talking about is there again. */
function renewOthers(mapping: PortMapping, fresh: Lease | undefined, now: Instant): void {
  for (const lease of Object.values(mapping.leases)) {
    if (lease !== fresh && lease.grant !== undefined) askSoon(lease, now)
  }
}

function leaseOf(mapping: PortMapping, { protocol, internalPort, nonce }: PcpMapping) {
  return Object.values(mapping.leases).find(
    (lease) =>
      PROTOCOL_NUMBERS[lease.transport] === protocol &&
      lease.internalPort === internalPort &&
      toHex(mapping.nonces[lease.transport]) === nonce,
  )
}

function grant(
  mapping: PortMapping,
  protocol: MappingProtocol,
  lease: Lease,
  { ip, port, lifetimeS }: Offer,
  { now, entropy }: Moment,
): boolean {
  const { holder, leases } = mapping
  const { udp, tcp } = leases
  // TCP is never asked for before UDP is held.
  if (holder === undefined ? lease !== udp : holder !== protocol) return false
  mapping.standings[protocol].answered = true
  if (port === 0 || !isUsable(ip) || ip.includes(':') !== mapping.gateway?.address.includes(':')) {
    return deny(mapping, protocol, lease, { refusal: 'bad-answer' }, now)
  }
  if (lifetimeS < LIFETIME_S_MIN) {
    return deny(mapping, protocol, lease, { refusal: 'too-short' }, now)
  }
  noteGrant(lease, { ip, port, lifetimeS }, now, entropy)
  const standing = mapping.standings[protocol]
  standing.refusal = undefined
  standing.code = undefined
  mapping.holder = protocol
  if (lease === udp) mapping.doubtUntil = undefined
  if (lease === udp && tcp.grant === undefined) tcp.askAt ??= now
  return true
}

/** Without a lease the protocol as such is meant: who holds a mapping keeps it until it expires. */
function deny(
  mapping: PortMapping,
  protocol: MappingProtocol,
  lease: Lease | undefined,
  { refusal, code, forMs = PORT_REFUSAL_MS }: Denial,
  now: Instant,
): boolean {
  const { holder, leases } = mapping
  if (holder === protocol && lease === undefined) return false
  if (holder !== undefined && holder !== protocol) return false
  // Of an earlier holder: TCP is not asked for in a search.
  if (holder === undefined && lease === leases.tcp) return false
  const until = later(now, Math.min(PORT_REFUSAL_MS_MAX, Math.max(PORT_REFUSAL_MS_MIN, forMs)))
  if (holder === protocol && lease === leases.tcp) {
    dropGrant(leases.tcp)
    leases.tcp.askAt = until
    return true
  }
  const standing = mapping.standings[protocol]
  standing.refusal = refusal
  standing.code = code
  standing.refusedUntil = until
  if (holder === protocol) search(mapping, now)
  return true
}

/** Documentation prefixes are as good as any other: a lab plays the internet with them. */
function isUsable(ip: string): boolean {
  return ['global', 'private', 'shared', 'unique-local'].includes(addressScope(ip))
}
