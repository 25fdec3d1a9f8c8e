// SPDX-License-Identifier: Apache-2.0
/** Everything that this node knows of why it reaches a peer as it does. Reads state, changes nothing. */
import type { Check } from '../../nat/checklist.ts'
import type { Now } from '../../nat/clock.ts'
import type { ProvenPath } from '../../nat/path-agent.ts'
import { SEARCHES_PER_EPOCH_MAX } from '../../nat/search/constants.ts'
import type { NodeId } from '../../topology/identity.ts'
import { servesRelay } from './hubs.ts'
import { observeSelf } from './observe.ts'
import { explainer } from './pair-facts.ts'
import { NO_PATH, pathStatuses } from './path-status.ts'
import { searchFacts } from './searching.ts'
import type { Node, Peer } from './state.ts'
import type { PathStatus, Why, WhyAttempt, WhySearch, WhySide } from './status.ts'

export function whyReport(node: Node, peer: Peer, now: Now): Why {
  const [path = NO_PATH, ...backups] = pathStatuses(node, peer)
  const { sentence, obstacle, remedies } = explainer(node)(peer, path)
  const { retryAt, checklist, proven } = peer.paths
  return {
    peer: peer.record.certificate.name,
    nodeId: peer.node,
    sentence,
    path,
    backups,
    self: ownSide(node),
    other: otherSide(node, peer),
    attempts: [...checklist.values()].map((check) =>
      attemptOf(check, proven.get(check.address), path),
    ),
    search: searchOf(node, peer, now),
    obstacle: obstacle === undefined ? null : { kind: obstacle.kind, sentence: obstacle.sentence },
    remedies,
    nextRoundMs: retryAt === undefined ? null : Math.max(0, retryAt - now.instant),
    otherAttempts: null,
  }
}

function attemptOf(
  { address, kind, state }: Check,
  proven: ProvenPath | undefined,
  path: PathStatus,
): WhyAttempt {
  const outcome = () => {
    // What a TURN server of the peer's gave to it is asked from this host's own socket, too.
    if (path.endpoint === address && (path.kind === 'direct' || kind === 'relayed')) return 'in use'
    if (proven?.up === true) return 'answers'
    if (state === 'waiting' || state === 'in-progress') return 'checking'
    return proven === undefined ? 'no answer' : 'answers no more'
  }
  return { address, kind, outcome: outcome(), rttMs: proven?.rttMs ?? null }
}

function searchOf(node: Node, peer: Peer, now: Now): WhySearch | null {
  const { verdict, attempts, isUnderWay } = searchFacts(node, peer)
  if (!verdict.ok) return null
  const { kind, task, sockets, probes, chance } = verdict.value
  const { beginAt, last } = peer.search.state
  return {
    kind,
    task,
    sockets,
    probes,
    chance: chance ?? null,
    attempts,
    attemptsMax: SEARCHES_PER_EPOCH_MAX,
    isUnderWay,
    nextMs: beginAt === undefined ? null : Math.max(0, beginAt - now.instant),
    last: last === undefined ? null : { ...last, endpoint: last.endpoint ?? null },
  }
}

function ownSide(node: Node): WhySide {
  const { candidates, mapping, nat } = observeSelf(node)
  return {
    name: node.config.certificate.name,
    nat,
    evidence: mapping.evidence,
    candidates,
    hubs: names(node, node.homeHubs),
    relay: servesRelay(node),
  }
}

function otherSide(node: Node, { record }: Peer): WhySide {
  const { certificate, nat, candidates, hubs, relay } = record
  return { name: certificate.name, nat, evidence: null, candidates, hubs: names(node, hubs), relay }
}

function names(node: Node, hubs: readonly NodeId[]): string[] {
  const own = node.config.certificate
  return hubs.map((hub) =>
    hub === own.node ? own.name : (node.peers.get(hub)?.record.certificate.name ?? hub),
  )
}
