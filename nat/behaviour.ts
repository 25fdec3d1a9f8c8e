// SPDX-License-Identifier: Apache-2.0
/**
 * What is between this host and the internet, in the words of RFC 4787 section 4 and RFC 5780.
 */
import { addressParts, type TransportAddress } from './address.ts'
import type { MappingObservation } from './stun-client.ts'

export const MAPPING_BEHAVIOURS = [
  'unknown',
  'none',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
  'udp-blocked',
] as const

export type MappingBehaviour = (typeof MAPPING_BEHAVIOURS)[number]

export const FILTERING_BEHAVIOURS = [
  'unknown',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
] as const

export type FilteringBehaviour = (typeof FILTERING_BEHAVIOURS)[number]

export interface NatBehaviour {
  readonly mapping: MappingBehaviour
  readonly filtering: FilteringBehaviour
  /** How long a mapping lives that nobody uses, at least; null until it is learned. */
  readonly lifetimeMs: number | null
}

export const UNKNOWN_NAT: NatBehaviour = {
  mapping: 'unknown',
  filtering: 'unknown',
  lifetimeMs: null,
}

/** A behaviour and how it is known, in a sentence with the observed addresses. */
export interface MappingVerdict {
  readonly mapping: MappingBehaviour
  readonly evidence: string
}

export interface MappingEvidence {
  /** Transport addresses of the host's own socket: each link's address with the listen port. */
  readonly local: readonly TransportAddress[]
  readonly observations: readonly MappingObservation[]
  /** STUN servers that were asked and gave no answer to a whole transaction. */
  readonly silentServers: number
}

/**
 * Classifies the mapping of the address family that was observed, IPv4 first (RFC 5780 section 4.3).
 * Observers on two addresses are needed to tell an endpoint-independent mapping; observers on two
 * ports of one address to tell an address-dependent one from one that depends on the port as well.
 */
export function classifyMapping({
  local,
  observations,
  silentServers,
}: MappingEvidence): MappingVerdict {
  const observed = ofOneFamily(observations)
  const first = observed[0]
  if (first === undefined) {
    if (silentServers === 0) return { mapping: 'unknown', evidence: 'no STUN server is known' }
    const evidence = `${silentServers} STUN server${silentServers === 1 ? '' : 's'} asked, none answered`
    return { mapping: 'udp-blocked', evidence }
  }
  const seen = observed.map((o) => `${o.observer} saw ${o.mapped}`).join(', ')
  if (observed.every((o) => local.includes(o.mapped))) return { mapping: 'none', evidence: seen }
  if (observed.every((o) => o.mapped === first.mapped)) {
    const observers = new Set(observed.map((o) => addressParts(o.observer).ip))
    if (observers.size > 1) return { mapping: 'endpoint-independent', evidence: seen }
    return { mapping: 'unknown', evidence: `${seen}; a second observer is needed to tell` }
  }
  return {
    mapping: sameAddressAgrees(observed) ? 'address-dependent' : 'address-and-port-dependent',
    evidence: seen,
  }
}

/** What observers of the one port leave open may be known from a server that has two addresses. */
export function refineMapping(
  { mapping, evidence }: MappingVerdict,
  discovered: MappingBehaviour,
): MappingVerdict {
  const isOpen =
    mapping === 'unknown' ||
    // Seen from addresses of which each has one port, both look alike.
    (mapping === 'address-and-port-dependent' && discovered === 'address-dependent')
  return isOpen && discovered !== 'unknown'
    ? { mapping: discovered, evidence: `${evidence}; told by a server with two addresses` }
    : { mapping, evidence }
}

function ofOneFamily(observations: readonly MappingObservation[]): MappingObservation[] {
  const distinct = [...new Map(observations.map((o) => [`${o.observer} ${o.mapped}`, o])).values()]
  const of = (family: string) => distinct.filter((o) => addressParts(o.observer).family === family)
  const ipv4 = of('ipv4')
  return ipv4.length > 0 ? ipv4 : of('ipv6')
}

/**
 * True if some address observed from two ports, and every such address saw one mapping only. A member that was both asked
 * by STUN and probed at one port is one observer.
 */
function sameAddressAgrees(observations: readonly MappingObservation[]): boolean {
  const byIp = Map.groupBy(observations, (o) => addressParts(o.observer).ip)
  const repeated = [...byIp.values()].filter(
    (group) => new Set(group.map((o) => o.observer)).size > 1,
  )
  return (
    repeated.length > 0 &&
    repeated.every((group) => group.every((o) => o.mapped === group[0]!.mapped))
  )
}
