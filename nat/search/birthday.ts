// SPDX-License-Identifier: Apache-2.0
/**
 * A direct path where a plain punch finds none: one host's NAT gives each destination another port (the hard side), the
 * other's lets in only who was written to (the easy side).
 *
 * ```
 * hard  spreads: many sockets, one probe each   \  256 ports of its NAT lead to it,
 * easy  sweeps:  one socket, many random ports  /  and 1,024 of 64,512 are tried: 98 % that one is met (birthday paradox)
 * ```
 * The first probe of a sweep that meets a port is let in, because the hard side has written from there; its answer is let in,
 * because the easy side has written to there. Where ports are given out in sequence they are predicted instead: few sockets,
 * and the ports that come next; once, because ports that were drawn may lie close together, too. Both hosts judge by the same two records, so that each knows its part without a word.
 */
import { addressParts, formatIp, parseIp, type TransportAddress } from '../address.ts'
import { addressScope } from '../address-scope.ts'
import type { MappingBehaviour } from '../behaviour.ts'
import type { Candidate } from '../candidate.ts'
import {
  CROSSING_PROBES,
  POOL_ADDRESSES_MAX,
  PORT_MIN,
  RUN_AHEAD,
  RUN_BEHIND,
  RUN_SOCKETS,
  RUN_SPAN_MAX,
  SPREAD_SOCKETS,
  SWEEP_PROBES,
} from './constants.ts'

/** What a host's record says that a search depends on. */
export interface SearchSide {
  /** Tells the two sides apart where nothing else does. */
  readonly node: string
  readonly mapping: MappingBehaviour
  readonly candidates: readonly Candidate[]
  /** False if the host was told to take part in no search. */
  readonly takesPart: boolean
}

/** birthday: random ports against many sockets. prediction: the ports that come next. */
export type SearchKind = 'birthday' | 'prediction'

/** spread: many sockets to one address. sweep: one socket to many ports. cross: the same from both sides at once. */
export type SearchTask = 'spread' | 'sweep' | 'cross'

/** Why there is nothing to search for. */
export type Hopeless =
  /** Plain punching is all that it takes, or all that can be done. */
  'not-needed' | 'both-hard' | 'not-known' | 'one-router' | 'disabled'

export interface Prospect {
  readonly kind: SearchKind
  readonly task: SearchTask
  /** Sockets of the hard side; 0 where both use the one port. */
  readonly sockets: number
  /** Probes of the sweeping side, about; of each side where both cross. */
  readonly probes: number
  /** How likely one search finds a path, 0 to 1; undefined where nobody can say. */
  readonly chance: number | undefined
  /** Where the hard side's probes go. */
  readonly target: TransportAddress | undefined
  /** IP addresses of the NAT whose ports are swept. */
  readonly addresses: readonly string[]
  /** Ports of it that were seen, sorted. */
  readonly seen: readonly number[]
  /** Of crossing sides, the one that takes every second port. */
  readonly stride: 1 | 2
  /** What must change before it is worth to search anew. */
  readonly epoch: string
}

export type SearchVerdict =
  | { readonly ok: true; readonly value: Prospect }
  | { readonly ok: false; readonly error: Hopeless }

/** What a host can do to reach a peer. Pure, and the same from both sides but for who does what. */
export function judgeSearch(own: SearchSide, peer: SearchSide): SearchVerdict {
  const hard = [own, peer].filter(({ mapping }) => isHard(mapping))
  if (hard.length === 0) return hopeless('not-needed')
  if (!own.takesPart || !peer.takesPart) return hopeless('disabled')
  if (hard.length === 2) return crossing(own, peer)
  const [hardSide, easySide] = hard[0] === own ? [own, peer] : [peer, own]
  const target = easyAddress(easySide)
  const { addresses, seen } = outerPorts(hardSide)
  if (target === undefined || addresses.length === 0) return hopeless('not-known')
  if (addresses.includes(addressParts(target).ip)) return hopeless('one-router')
  const pool = poolOf(addresses)
  const isRun = inSequence(hardSide)
  const sockets = isRun ? RUN_SOCKETS : SPREAD_SOCKETS
  return found({
    kind: isRun ? 'prediction' : 'birthday',
    task: hardSide === own ? 'spread' : 'sweep',
    sockets,
    probes: isRun ? RUN_AHEAD + RUN_BEHIND : SWEEP_PROBES,
    chance: isRun ? undefined : birthdayChance(sockets, SWEEP_PROBES, pool.length),
    target,
    addresses: pool,
    seen,
    stride: 1,
    epoch: `${pool.join()} ${target} ${isRun}`,
  })
}

/**
 * The search that follows so many. Of what a prediction has missed nobody knows where it is, and ports in sequence are met by
 * chance as well as others.
 */
export function afterSearches(prospect: Prospect, searches: number): Prospect {
  if (searches === 0 || prospect.kind === 'birthday' || prospect.task === 'cross') return prospect
  const [sockets, probes] = [SPREAD_SOCKETS, SWEEP_PROBES]
  const chance = birthdayChance(sockets, probes, prospect.addresses.length)
  return { ...prospect, kind: 'birthday', sockets, probes, chance }
}

/** How likely `sockets` ports of one among `addresses` are met by `probes` that are spread over all of them. */
export function birthdayChance(sockets: number, probes: number, addresses = 1): number {
  const ports = 65_536 - PORT_MIN
  return 1 - (1 - sockets / ports) ** (probes / addresses)
}

/** Two NATs that give out ports in sequence: each side's next probe takes the port that the other's next one is sent to. */
function crossing(own: SearchSide, peer: SearchSide): SearchVerdict {
  if (!inSequence(own) || !inSequence(peer)) return hopeless('both-hard')
  const [ours, theirs] = [outerPorts(own), outerPorts(peer)]
  if (ours.addresses[0] === theirs.addresses[0]) return hopeless('one-router')
  return found({
    kind: 'prediction',
    task: 'cross',
    sockets: 0,
    probes: CROSSING_PROBES,
    chance: undefined,
    target: undefined,
    addresses: theirs.addresses,
    seen: theirs.seen,
    stride: own.node < peer.node ? 1 : 2,
    epoch: [...ours.addresses, ...theirs.addresses].toSorted().join(),
  })
}

/** Whether each destination sees another port of the host. */
export function isHard(mapping: MappingBehaviour): boolean {
  return mapping === 'address-dependent' || mapping === 'address-and-port-dependent'
}

/** Whether the host's next port can be told from those that were seen. */
function inSequence(side: SearchSide): boolean {
  const { addresses, seen } = outerPorts(side)
  return addresses.length === 1 && seen.length > 1 && seen.at(-1)! - seen[0]! <= RUN_SPAN_MAX
}

/** The one address at which everybody sees a host whose NAT maps alike for all, or that has no NAT. */
function easyAddress({ mapping, candidates }: SearchSide): TransportAddress | undefined {
  const kind =
    mapping === 'none' ? 'host' : mapping === 'endpoint-independent' && 'server-reflexive'
  return candidates.find((candidate) => candidate.kind === kind && isOuter(candidate.address))
    ?.address
}

function outerPorts({ candidates }: SearchSide): { addresses: string[]; seen: number[] } {
  const parts = candidates
    .filter(({ kind, address }) => kind === 'server-reflexive' && isOuter(address))
    .map(({ address }) => addressParts(address))
  const addresses = [...new Set(parts.map(({ ip }) => ip))].toSorted()
  return { addresses, seen: parts.map(({ port }) => port).toSorted((a, b) => a - b) }
}

/** Nobody translates IPv6 ports, so that only IPv4 is searched. */
function isOuter(address: TransportAddress): boolean {
  const { ip, family } = addressParts(address)
  return family === 'ipv4' && addressScope(ip) === 'global'
}

/** A NAT's pool is a range: the addresses between those seen belong to it, too, if they are few. */
function poolOf(addresses: readonly string[]): string[] {
  const numbers = addresses.map(ipv4Number)
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)]
  if (last - first >= POOL_ADDRESSES_MAX) return [...addresses]
  return Array.from({ length: last - first + 1 }, (_, i) => ipv4Text(first + i))
}

function ipv4Number(ip: string): number {
  const bytes = parseIp(ip)
  return bytes.ok ? bytes.value.reduce((number, byte) => number * 256 + byte, 0) : 0
}

function ipv4Text(number: number): string {
  return formatIp(Uint8Array.from([24, 16, 8, 0], (shift) => (number >>> shift) & 0xff))
}

function found(value: Prospect): SearchVerdict {
  return { ok: true, value }
}

function hopeless(error: Hopeless): SearchVerdict {
  return { ok: false, error }
}
