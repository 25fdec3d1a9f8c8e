// SPDX-License-Identifier: Apache-2.0
/** Which rule of nature stands between two hosts (RFC 4787 for the words, RFC 5128 section 3.3 for hole punching). */
import { addressParts } from '../address.ts'
import { type HostFacts, isHard, mappedAddresses, type PairFacts } from './pair-facts.ts'
import { searchText } from './search-facts.ts'

export type ObstacleKind =
  | 'udp-blocked'
  | 'wireguard-dropped'
  | 'nothing-offered'
  | 'both-symmetric'
  | 'one-symmetric'
  | 'no-hairpin'
  | 'filtered'
  | 'unknown'

export interface Obstacle {
  readonly kind: ObstacleKind
  /** The hosts whose network makes the difficulty. */
  readonly of: readonly HostFacts[]
  readonly sentence: string
}

/** What keeps a plain punch from working; meaningful while no direct path is proven. */
export function obstacleOf(facts: PairFacts): Obstacle {
  const { own, peer, checks } = facts
  const blocked = [own, peer].filter(({ nat }) => nat.mapping === 'udp-blocked')
  if (blocked.length > 0) {
    const names = blocked.map(({ name }) => `${name}'s network`).join(' and ')
    const sentence = `${names} ${blocked.length === 1 ? 'lets' : 'let'} no UDP out: no STUN server answers`
    return { kind: 'udp-blocked', of: blocked, sentence }
  }
  if (facts.carriesNothing) {
    const sentence = `a network between ${own.name} and ${peer.name} lets probes pass and drops what looks like WireGuard`
    return { kind: 'wireguard-dropped', of: [own, peer], sentence }
  }
  if (checks.length === 0) {
    const sentence = `${peer.name} names no address that ${own.name} could try`
    return { kind: 'nothing-offered', of: [peer], sentence }
  }
  const hard = [own, peer].filter(isHard)
  if (hard.length === 2) {
    const [a, b] = hard.map((host) => `${host.name}'s${shown(host)}`)
    const sentence = `both NATs give each destination a new port, ${a} and ${b}: neither host can tell the other where to send`
    return withSearch({ kind: 'both-symmetric', of: hard, sentence }, facts)
  }
  if (hard.length === 1) return withSearch(oneHard(hard[0]!, hard[0] === own ? peer : own), facts)
  return soft(facts)
}

function oneHard(hard: HostFacts, other: HostFacts): Obstacle {
  const each = hard.nat.mapping === 'address-dependent' ? 'destination address' : 'destination'
  const gives = `${hard.name}'s NAT gives each ${each} a new port (symmetric${shown(hard, ': ')})`
  const { filtering } = other.nat
  if (filtering === 'endpoint-independent' || filtering === 'address-dependent') {
    const sentence = `${gives}, but ${other.name}'s lets its packets in whatever their port: something else drops them`
    return { kind: 'filtered', of: [other], sentence }
  }
  const letsIn =
    filtering === 'unknown'
      ? `${other.name}'s seems to let in only who was written to`
      : `${other.name}'s lets in only who was written to`
  const sentence = `${gives} and ${letsIn}: a plain punch cannot work`
  return { kind: 'one-symmetric', of: [hard, other], sentence }
}

/** What else is done about it. */
function withSearch(obstacle: Obstacle, { search }: PairFacts): Obstacle {
  const text = searchText(search)
  return text === '' ? obstacle : { ...obstacle, sentence: `${obstacle.sentence}; ${text}` }
}

function soft({ own, peer }: PairFacts): Obstacle {
  const ips = mappedAddresses(own).map((address) => addressParts(address).ip)
  const isShared = mappedAddresses(peer).some((address) => ips.includes(addressParts(address).ip))
  if (isShared) {
    const sentence = `both are behind the router at ${ips[0]}, which does not turn packets back to its own side (no hairpin)`
    return { kind: 'no-hairpin', of: [own, peer], sentence }
  }
  const unknown = [own, peer].filter(({ nat }) => nat.mapping === 'unknown')
  if (unknown.length > 0) {
    const names = unknown.map(({ name }) => name).join(' and ')
    const sentence = `what NAT ${names} ${unknown.length === 1 ? 'is' : 'are'} behind is not known yet: two STUN servers must answer`
    return { kind: 'unknown', of: unknown, sentence }
  }
  const sentence =
    'each host has one address for all destinations, so a punch should work: a firewall on the way drops UDP'
  return { kind: 'filtered', of: [own, peer], sentence }
}

/** The ports that show the rule: `203.0.113.5:40001, :52847`. */
function shown(host: HostFacts, before = ' '): string {
  const [first, ...others] = mappedAddresses(host)
  if (first === undefined) return ''
  const { ip } = addressParts(first)
  const rest = others.map((address) => {
    const parts = addressParts(address)
    return parts.ip === ip ? `:${parts.port}` : address
  })
  return before + [first, ...rest].join(', ')
}
