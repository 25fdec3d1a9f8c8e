// SPDX-License-Identifier: Apache-2.0
/** Searches for ways through hard NATs, one peer at a time: when the two records give ground for one, the helper is told to. */
import { earliest, type Instant, type Now } from '../../nat/clock.ts'
import type { SearchFacts } from '../../nat/explain/search-facts.ts'
import { toHex } from '../../nat/hex.ts'
import { hear, punched } from '../../nat/path-agent.ts'
import { isDirect } from '../../nat/proven-paths.ts'
import {
  afterSearches,
  isHard,
  judgeSearch,
  type Prospect,
  type SearchSide,
  type SearchVerdict,
} from '../../nat/search/birthday.ts'
import {
  SEARCH_MS,
  SEARCHES_AT_ONCE_MAX,
  SPREAD_PER_SECOND,
  SWEEP_DELAY_MS,
  SWEEP_PER_SECOND,
} from '../../nat/search/constants.ts'
import { drawEndpoints } from '../../nat/search/port-draw.ts'
import {
  begin,
  end,
  enterEpoch,
  isDue,
  isInTurn,
  planSearch,
  postpone,
  rest,
  searchDeadline,
  type Turn,
  turnOf,
} from '../../nat/search/search-schedule.ts'
import type { NodeRecord } from '../../topology/record.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { HelperEvent } from './helper-contract.ts'
import type { HelperFeature } from './helper-hello.ts'
import type { Node, Peer } from './state.ts'

type SearchEnded = Extract<HelperEvent, { method: 'search-ended' }>

export function searchEffects(node: Node, now: Now): Effect[] {
  if (!node.helper.connected || node.own === undefined) return []
  const { record } = node.own
  const effects: Effect[] = []
  for (const peer of node.peers.values()) {
    // Asked in every step, and mostly there is nothing to do.
    if (isAtRest(peer)) continue
    effects.push(...searchFor(node, record, peer, now))
  }
  return effects
}

export function searchDeadlines(node: Node): Instant | undefined {
  if (!node.helper.connected) return undefined
  return earliest([...node.peers.values()].map(({ search }) => searchDeadline(search.state)))
}

/** A peer that is reached directly, and for which no search is under way or planned. */
function isAtRest({ paths, search: { state } }: Peer): boolean {
  const { attempts, beginAt, underWayUntil } = state
  const isIdle = attempts === 0 && beginAt === undefined && underWayUntil === undefined
  return isIdle && isDirect(paths)
}

/** The helper says how a search ended. */
export function takeSearchEnd(node: Node, peer: Peer, ended: SearchEnded, now: Now): Effect[] {
  const { result, sockets, probes, endpoint, socket } = ended
  const { state } = peer.search
  if (isOwnEnd(peer, ended))
    end(state, { result, sockets, probes, endpoint: endpoint ?? undefined })
  // The easy side has met an address of the peer, which is checked like any other. The hard side has met it at a socket.
  if (endpoint !== null && socket === null) hear(peer.paths, endpoint, now.instant)
  else if (endpoint !== null && socket !== null)
    punched(peer.paths, { endpoint, socket }, now.instant)
  const happening = { kind: 'search-ended', peer: peer.record.certificate.name } as const
  return [
    remember(node.events, { ...happening, result, sockets, probes, endpoint, socket }, now.wall),
  ]
}

/** One that this agent began before, or another agent before it, may end when the one under way takes its place. */
function isOwnEnd({ search }: Peer, { transaction, result }: SearchEnded): boolean {
  if (transaction !== undefined) return transaction === search.transaction
  // An older helper does not say which one.
  return result !== 'stopped' || search.state.underWayUntil === undefined
}

/** Where the searches for a peer stand, for whoever asks why. */
export function searchFacts(node: Node, peer: Peer): SearchFacts {
  const { attempts, underWayUntil } = peer.search.state
  const isUnderWay = underWayUntil !== undefined
  if (node.own === undefined)
    return { verdict: { ok: false, error: 'not-known' }, attempts, isUnderWay }
  const verdict = judge(node.own.record, peer)
  if (!verdict.ok) return { verdict, attempts, isUnderWay }
  const value = afterSearches(verdict.value, isUnderWay ? attempts - 1 : attempts)
  return { verdict: { ok: true, value }, attempts, isUnderWay }
}

function searchFor(node: Node, own: NodeRecord, peer: Peer, now: Now): Effect[] {
  const { state } = peer.search
  if (isDirect(peer.paths)) {
    const wasUnderWay = state.underWayUntil !== undefined
    end(state, undefined)
    rest(state)
    return wasUnderWay ? [{ kind: 'stop-search', peer: peer.helperName }] : []
  }
  if (state.underWayUntil !== undefined) {
    if (state.underWayUntil <= now.instant) end(state, undefined)
    return []
  }
  const verdict = judge(own, peer)
  enterEpoch(state, verdict.ok ? verdict.value.epoch : undefined)
  if (!verdict.ok) return []
  const prospect = afterSearches(verdict.value, state.attempts)
  const turn = () => turnOfPair(node, own, peer, prospect)
  if (isDue(state, now.instant)) {
    const isFree = searchesUnderWay(node) < SEARCHES_AT_ONCE_MAX
    if (isFree && isInTurn(state, turn(), now.wall)) return beginSearch(node, peer, prospect, now)
    postpone(state)
  }
  if (state.beginAt === undefined) {
    const delayMs = prospect.task === 'spread' ? 0 : SWEEP_DELAY_MS
    planSearch(state, turn(), delayMs, now)
  }
  return []
}

function beginSearch(node: Node, peer: Peer, prospect: Prospect, now: Now): Effect[] {
  const { kind, task } = prospect
  const endpoints = drawEndpoints(prospect, node.powers.entropy)
  const [sockets, perSecond] =
    task === 'spread' ? [prospect.sockets, SPREAD_PER_SECOND] : [0, SWEEP_PER_SECOND]
  const transaction = nameOfSearch(node)
  begin(peer.search.state, now)
  peer.search.transaction = transaction
  const probes = task === 'spread' ? sockets : endpoints.length
  const { name } = peer.record.certificate
  const happening = {
    kind: 'search-begun',
    peer: name,
    search: kind,
    task,
    sockets,
    probes,
  } as const
  return [
    {
      kind: 'search',
      search: {
        peer: peer.helperName,
        ...(transaction !== undefined && { transaction }),
        sockets,
        endpoints,
        perSecond,
        durationMs: SEARCH_MS,
      },
    },
    remember(node.events, happening, now.wall),
  ]
}

/** Undefined where the helper is from before searches had names: it would refuse what it does not know. */
function nameOfSearch({ helper, powers }: Node): string | undefined {
  const feature: HelperFeature = 'search-transaction'
  return helper.features.includes(feature) ? toHex(powers.entropy(16)) : undefined
}

function judge(own: NodeRecord, peer: Peer): SearchVerdict {
  const { search, record } = peer
  if (search.verdict === undefined || search.from?.own !== own || search.from.peer !== record) {
    search.verdict = judgeSearch(sideOf(own), sideOf(record))
    search.from = { own, peer: record }
  }
  return search.verdict
}

function sideOf({ certificate, nat, candidates, birthdaySearch }: NodeRecord): SearchSide {
  const { node } = certificate
  return { node, mapping: nat.mapping, candidates, takesPart: birthdaySearch }
}

function searchesUnderWay(node: Node): number {
  let count = 0
  for (const { search } of node.peers.values())
    if (search.state.underWayUntil !== undefined) count += 1
  return count
}

/**
 * The easy hosts of a mesh take turns with each hard one. Those that the hard host names as its hubs have a direct path
 * already. How many the others are, the two ends may see differently while a mesh comes up.
 */
function turnOfPair(node: Node, own: NodeRecord, peer: Peer, { task }: Prospect): Turn {
  if (task === 'cross') return turnOf(0, 1)
  const [hard, easy] = task === 'spread' ? [own, peer.record] : [peer.record, own]
  const others = [own, ...[...node.peers.values()].map(({ record }) => record)]
  const pairs = others.filter(
    (record) => record === easy || (isEasy(record) && !isHubOf(record, hard)),
  ).length
  return turnOf(shortId(hard) ^ shortId(easy), pairs)
}

/** As many bits of a node's id as a turn can need. */
function shortId({ certificate }: NodeRecord): number {
  return Number.parseInt(certificate.node.slice(0, 4), 16)
}

function isEasy({ nat }: NodeRecord): boolean {
  return !isHard(nat.mapping) && nat.mapping !== 'unknown' && nat.mapping !== 'udp-blocked'
}

function isHubOf({ certificate }: NodeRecord, host: NodeRecord): boolean {
  return host.hubs.includes(certificate.node)
}
