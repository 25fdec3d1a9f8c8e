// SPDX-License-Identifier: Apache-2.0
/**
 * Over which TURN servers a peer can be reached. Each host allocates on servers of its own, and two ways lead over them:
 *
 * ```
 * theirs   our socket ---------------> [their server] --> peer      one server; we need none
 * plain    our socket --> [our server] ----------------> peer      one server; the peer needs none
 * between  our socket --> [our server] --> [their server] --> peer  where neither host's own UDP gets out
 * ```
 * A server lets in only whom its host has written to, by address; a plain path to the peer's mapped address is what lets
 * the peer in that uses `theirs`. So there is a plain path wherever the peer has such an address. A NAT with several public
 * addresses may show the server one that nobody knows; to a peer behind it only a hub leads, which the host reaches by
 * its plain path to the hub, and the peer directly.
 */
import { addressParts, type TransportAddress } from '../nat/address.ts'
import { addressScope } from '../nat/address-scope.ts'
import type { Candidate, CandidateKind } from '../nat/candidate.ts'
import { type TurnPath, turnPath } from './planned-path.ts'
import type { NodeRecord } from './record.ts'

/** Paths over TURN that stay armed for a peer. */
export const TURN_PATHS_MAX = 2

/** A server of ours. */
export interface TurnServer {
  readonly id: string
  /** Whether it has given us an address. */
  readonly isUp: boolean
  /** That address; it can write to its own family only. */
  readonly relayed: TransportAddress | undefined
}

export interface TurnQuestion {
  /** In order of preference. */
  readonly servers: readonly TurnServer[]
  /** As the peer names them. */
  readonly candidates: readonly Candidate[]
  /** Where the peer was last heard over each server: of a NAT that gives each destination a new port only this is right. */
  readonly heard: ReadonlyMap<string, TransportAddress>
  /** What the peer's servers gave it, and answered our own probes; best first. */
  readonly theirs: readonly TransportAddress[]
}

/** At most `TURN_PATHS_MAX`, best first: fewer servers before more, and over two of ours where there are two. */
export function turnPaths({ servers, heard, theirs, ...said }: TurnQuestion): TurnPath[] {
  // No helper takes a path to the address of no host.
  const candidates = said.candidates.filter(isUsable)
  // A server that is down keeps its place in the order for when it is back, behind those that work.
  const [first, second = first] = servers.toSorted((a, b) => Number(b.isUp) - Number(a.isUp))
  const relayed = candidates.filter(({ kind }) => kind === 'relayed').map(({ address }) => address)
  const over = (server: TurnServer | undefined, endpoints: readonly TransportAddress[]) => {
    const endpoint = endpoints.find((address) => server !== undefined && writesTo(server, address))
    return endpoint === undefined ? [] : [turnPath(server!.id, endpoint)]
  }
  const plainOver = (server: TurnServer | undefined) => {
    const heardAt = heard.get(server?.id ?? '')
    const isNews = heardAt !== undefined && !relayed.includes(heardAt)
    return over(server, [...(isNews ? [heardAt] : []), ...plainAddresses(candidates)])
  }
  const plain = plainOver(first)
  const between = over(plain.length === 0 ? first : second, relayed)
  const other = second === first ? [] : plainOver(second)
  const [straight = [], ...spare] = theirs.map((endpoint) => [turnPath(null, endpoint)])
  const ways = [straight, plain, between, other, ...spare].flat()
  // A peer may call one address its own and its server's.
  const distinct = new Map(ways.map((way) => [way.id, way]))
  return [...distinct.values()].slice(0, TURN_PATHS_MAX)
}

function isUsable({ address }: Candidate): boolean {
  return addressScope(addressParts(address).ip) !== 'unusable'
}

/** Whether others reach this host over its servers only. */
export function isBehindServer({
  nat,
  candidates,
}: Pick<NodeRecord, 'nat' | 'candidates'>): boolean {
  const isBlocked = nat.mapping === 'udp-blocked' || plainAddresses(candidates).length === 0
  return isBlocked && candidates.some(({ kind }) => kind === 'relayed')
}

/** Where the peer's own socket can be written to from the internet, the surest first. */
function plainAddresses(candidates: readonly Candidate[]): TransportAddress[] {
  const ofKind = (wanted: CandidateKind) =>
    candidates.flatMap(({ kind, address }) => (kind === wanted ? [address] : []))
  const own = ofKind('host').filter(
    (address) => addressScope(addressParts(address).ip) === 'global',
  )
  return [...ofKind('mapped'), ...own, ...ofKind('server-reflexive')]
}

/** Allocations are of IPv4 unless the server says otherwise (RFC 8656 section 7.1). */
function writesTo({ relayed }: TurnServer, address: TransportAddress): boolean {
  const family = relayed === undefined ? 'ipv4' : addressParts(relayed).family
  return addressParts(address).family === family
}
