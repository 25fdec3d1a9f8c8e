// SPDX-License-Identifier: Apache-2.0
/** Everything that this node knows itself of why it reaches a peer as it does. Reads state, changes nothing. */
import type { Check } from '../../nat/checklist.ts'
import type { Now } from '../../nat/clock.ts'
import type { ProvenPath } from '../../nat/proven-paths.ts'
import { SEARCHES_PER_EPOCH_MAX } from '../../nat/search/constants.ts'
import { policyOf } from '../../topology/notice.ts'
import { allowanceText } from '../../topology/policy.ts'
import type { NodeId } from '../../topology/identity.ts'
import { servesRelay } from './hubs.ts'
import { observeSelf } from './observe.ts'
import { explainer } from './pair-facts.ts'
import { NO_PATH, pathStatuses } from './path-status.ts'
import { searchFacts } from './searching.ts'
import type { Node, Peer } from './state.ts'
import type { PathStatus, Why, WhyAttempt, WhySearch, WhySide } from './status.ts'

/** This end's view; see why-from-both.ts for the other one's. */
export interface OwnWhy
  extends Omit<Why, 'otherAttempts' | 'otherPath' | 'otherSentence' | 'unanswered'> {
  readonly self: WhySide & { readonly evidence: string }
  readonly attempts: readonly OwnAttempt[]
}

/** What a check has come to, its address and kind as the node knows them. */
type OwnAttempt = WhyAttempt & Pick<Check, 'address' | 'kind'>

export function whyReport(node: Node, peer: Peer, now: Now): OwnWhy {
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
    policy: policyBetween(node, peer),
    nextRoundMs: retryAt === undefined ? null : Math.max(0, retryAt - now.instant),
  }
}

/** What the policy lets through, whatever the path is. */
function policyBetween(node: Node, peer: Peer): Why['policy'] {
  const policy = policyOf(node.notices)
  if (policy === undefined) return null
  const [own, other] = [node.config.certificate, peer.record.certificate]
  const toPeer = allowanceText(policy.rules, own, other)
  const fromPeer = allowanceText(policy.rules, other, own)
  const sentence =
    toPeer === 'nothing'
      ? `the access policy lets ${own.name} reach nothing on ${other.name}: that is what blocks`
      : `the access policy lets ${own.name} reach ${other.name} by: ${toPeer}`
  return { toPeer, fromPeer, sentence }
}

function attemptOf(
  { address, kind, state }: Check,
  proven: ProvenPath | undefined,
  path: PathStatus,
): OwnAttempt {
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

function ownSide(node: Node): OwnWhy['self'] {
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
