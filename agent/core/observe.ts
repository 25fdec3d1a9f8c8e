// SPDX-License-Identifier: Apache-2.0
/** observe: links, STUN answers and what peers saw, turned into what this node can say of itself. */
import {
  addressParts,
  parseIp,
  type TransportAddress,
  transportAddress,
} from '../../nat/address.ts'
import { addressScope } from '../../nat/address-scope.ts'
import {
  classifyMapping,
  refineMapping,
  type MappingVerdict,
  type NatBehaviour,
} from '../../nat/behaviour.ts'
import type { Candidate } from '../../nat/candidate.ts'
import {
  type MappingObservation,
  mappingObservations,
  stunServerStates,
} from '../../nat/stun-client.ts'
import { CANDIDATES_MAX } from '../../topology/record.ts'
import { parsePrefix, prefixContains } from '../../topology/prefix.ts'
import { PEER_OBSERVERS_MAX, REFLEXIVE_CANDIDATES_MAX } from './constants.ts'
import { mappedAddresses } from './port-mapping.ts'
import type { Node } from './state.ts'
import { relayedAddresses } from './turn.ts'
import { mappingsOf } from './state/uplinks.ts'

export interface SelfObservation {
  /** Our socket on each usable address of our links. */
  readonly host: readonly TransportAddress[]
  /** Where STUN servers saw that socket, without what is a host address anyway. */
  readonly mapped: readonly TransportAddress[]
  readonly mapping: MappingVerdict
  /** All that is known of it, as the record says it. */
  readonly nat: NatBehaviour
  readonly candidates: readonly Candidate[]
}

export function observeSelf(node: Node): SelfObservation {
  const host = hostAddresses(node)
  const observations = mappingObservations(node.stun)
  const forwarded = forwardedAddresses(node)
  const mapped = [...new Set(observations.map((o) => o.mapped))]
    .filter((address) => !host.includes(address))
    .sort()
  const { found } = node.survey.behaviour
  const observed = classifyMapping({
    local: host,
    observations: withoutForwarded(
      [...observations, ...peerObservations(node, observations.length > 0)],
      forwarded,
    ),
    silentServers: stunServerStates(node.stun).filter((s) => s.failures > 0).length,
  })
  const mapping = refineMapping(observed, found?.mapping ?? 'unknown')
  const lifetimeMs = node.survey.lifetime.lifetimeMs ?? null
  return {
    host,
    mapped,
    mapping,
    nat: { mapping: mapping.mapping, filtering: found?.filtering ?? 'unknown', lifetimeMs },
    candidates: candidatesOf(node, host, forwarded, mapped),
  }
}

/** A host has few addresses by which it is known abroad, and may have many at home: those give way. */
function candidatesOf(
  node: Node,
  host: readonly TransportAddress[],
  forwarded: readonly TransportAddress[],
  mapped: readonly TransportAddress[],
): Candidate[] {
  const ofKind = (kind: Candidate['kind'], addresses: readonly TransportAddress[]) =>
    addresses.map((address) => ({ kind, address }))
  const reflexive = mapped.filter((address) => !forwarded.includes(address))
  const spare = mappingsOf(node.uplinks).filter(
    (address) => !host.includes(address) && !reflexive.includes(address),
  )
  const abroad = [
    ...ofKind('mapped', forwarded),
    ...ofKind('server-reflexive', reflexive.slice(0, REFLEXIVE_CANDIDATES_MAX)),
    ...ofKind('server-reflexive', spare),
    ...ofKind('relayed', relayedAddresses(node)),
  ]
  const home = ofKind('host', [...new Set([...node.config.advertise, ...host])])
  return [...home.slice(0, CANDIDATES_MAX - abroad.length), ...abroad]
}

/** Where others may be able to open a connection to this host: they have to try (dial-back.ts). */
export function offeredAddresses(node: Node): readonly TransportAddress[] {
  const global = hostAddresses(node).filter(
    (address) => addressScope(addressParts(address).ip) === 'global',
  )
  // The control plane needs TCP: a router that maps only UDP makes a candidate, and no host that others can dial.
  const mapped = mappedAddresses(node)
  const forwarded = mapped?.tcp === undefined ? [] : [mapped.udp]
  return [...new Set([...node.config.advertise, ...forwarded, ...global])].slice(0, 4)
}

/** A probe's answer says where its target saw us: as good an observer as a STUN server. */
export function rememberObserver(
  node: Node,
  observer: TransportAddress,
  mapped: TransportAddress,
): void {
  if (addressScope(addressParts(observer).ip) !== 'global') return
  node.seenByPeers.delete(observer)
  node.seenByPeers.set(observer, mapped)
  const oldest = node.seenByPeers.keys().next()
  if (node.seenByPeers.size > PEER_OBSERVERS_MAX && !oldest.done) {
    node.seenByPeers.delete(oldest.value)
  }
}

/** True for addresses inside the mesh: the control plane must not ride the tunnel that it repairs. */
export function isMeshAddress(node: Node, ip: string): boolean {
  const address = parseIp(ip)
  const { ipv4Prefix, ipv6Prefix } = node.config.network
  return [ipv4Prefix, ipv6Prefix].some((text) => {
    const prefix = parsePrefix(text)
    return prefix.ok && address.ok && prefixContains(prefix.value, address.value)
  })
}

/** Our socket on each usable address of our links. Asked in every step, and new only when links or configuration are. */
export function hostAddresses(node: Node): readonly TransportAddress[] {
  const known = hostsByLinks.get(node)
  if (known?.links === node.links && known.config === node.config) return known.host
  const host = readLinks(node)
  hostsByLinks.set(node, { links: node.links, config: node.config, host })
  return host
}

const hostsByLinks = new WeakMap<
  Node,
  {
    readonly links: Node['links']
    readonly config: Node['config']
    readonly host: readonly TransportAddress[]
  }
>()

function forwardedAddresses(node: Node): TransportAddress[] {
  const mapped = mappedAddresses(node)
  return mapped === undefined || hostAddresses(node).includes(mapped.udp) ? [] : [mapped.udp]
}

/** Who came in by a forwarded port sees that port: it tells what was asked of the router, not how the router maps. */
function withoutForwarded(
  observations: readonly MappingObservation[],
  forwarded: readonly TransportAddress[],
): readonly MappingObservation[] {
  const ofNat = observations.filter(({ mapped }) => !forwarded.includes(mapped))
  return ofNat.length > 0 ? ofNat : observations
}

const AT_HOME: readonly string[] = ['private', 'shared', 'unique-local']

function readLinks(node: Node): TransportAddress[] {
  const addresses: TransportAddress[] = []
  for (const link of node.links) {
    if (!link.up || node.config.isExcludedInterface(link.name)) continue
    for (const withPrefix of link.addresses) {
      const ip = withPrefix.slice(0, withPrefix.indexOf('/'))
      const scope = addressScope(ip)
      // In another tunnel only its own members know such an address, and all that they say is wrapped twice.
      const usable = scope === 'global' || (link.tunnel !== true && AT_HOME.includes(scope))
      if (!usable || isMeshAddress(node, ip)) continue
      const address = transportAddress(ip, node.config.listenPort)
      if (address.ok) addresses.push(address.value)
    }
  }
  return [...new Set(addresses)].sort()
}

/** Where no STUN server answers, only a peer that does is an observer: what others saw once may be over. */
function peerObservations(node: Node, isAnswered: boolean): MappingObservation[] {
  const seen = [...node.seenByPeers].map(([observer, mapped]) => ({ observer, mapped }))
  if (isAnswered || seen.length === 0) return seen
  const answering = new Set<TransportAddress>()
  for (const { paths } of node.peers.values())
    for (const { endpoint, up } of paths.proven.values()) if (up) answering.add(endpoint)
  return seen.filter(({ observer }) => answering.has(observer))
}
