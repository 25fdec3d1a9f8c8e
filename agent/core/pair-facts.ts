// SPDX-License-Identifier: Apache-2.0
/** A node's state and a peer's record, as the ground of an explanation. */
import { addressParts } from '../../nat/address.ts'
import type { Candidate } from '../../nat/candidate.ts'
import { roundIsOver } from '../../nat/checklist.ts'
import { type Explanation, explain } from '../../nat/explain/explanation.ts'
import type { HostFacts, PathInUse, TurnFacts } from '../../nat/explain/pair-facts.ts'
import { directPaths } from '../../nat/proven-paths.ts'
import { observeSelf } from './observe.ts'
import { pathById } from './peer-paths.ts'
import { searchFacts } from './searching.ts'
import type { Node, Peer } from './state.ts'
import type { PathStatus } from './status.ts'
import { turnServerStatuses } from './turn.ts'

export type Explainer = (peer: Peer, path: PathStatus) => Explanation

/** Explains one peer after another: what this host knows of itself is looked at once for all. */
export function explainer(node: Node): Explainer {
  const own = ownFacts(node)
  const turn = turnFacts(node)
  return (peer, path) =>
    explain({
      own,
      peer: peerFacts(peer),
      path: pathInUse(peer, path),
      checks: [...peer.paths.checklist.values()].filter(({ kind }) => kind !== 'relayed'),
      turn,
      onTrial: directPaths(peer.paths).find(({ up, isTaken }) => up && isTaken === undefined)
        ?.endpoint,
      carriesNothing: peer.stats?.paths.some(({ carries }) => carries === false) === true,
      isResting: roundIsOver(peer.paths.checklist),
      hubs: node.hubs.links.length,
      search: searchFacts(node, peer),
    })
}

function ownFacts(node: Node): HostFacts {
  const { candidates, nat } = observeSelf(node)
  const { certificate, listenPort } = node.config
  return { name: certificate.name, nat, candidates, port: listenPort }
}

function turnFacts(node: Node): TurnFacts[] {
  return turnServerStatuses(node).map(({ id, state, cause, detail }) => {
    return { id, isUp: state === 'up', trouble: detail ?? cause ?? undefined }
  })
}

function peerFacts({ record: { certificate, candidates, nat } }: Peer): HostFacts {
  return { name: certificate.name, nat, candidates, port: hostPort(candidates) }
}

/** A host's own addresses carry the port that it listens on. */
function hostPort(candidates: readonly Candidate[]): number | undefined {
  const host = candidates.find(({ kind }) => kind === 'host')
  return host === undefined ? undefined : addressParts(host.address).port
}

function pathInUse(peer: Peer, { kind, endpoint, via, hubServer, rttMs }: PathStatus): PathInUse {
  if (kind === 'none') return { kind }
  if (kind === 'direct')
    return endpoint === null ? { kind: 'none' } : { kind, endpoint, isPunched: isPunched(peer) }
  const over = { kind, via: via ?? 'somebody', rttMs: rttMs ?? undefined }
  return hubServer === null ? over : { ...over, hubServer }
}

/** Whether traffic leaves from a socket of its own. */
function isPunched(peer: Peer): boolean {
  const active = peer.activePath === undefined ? undefined : pathById(peer, peer.activePath)
  return active?.kind === 'direct' && active.socket !== undefined
}
