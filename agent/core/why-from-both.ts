// SPDX-License-Identifier: Apache-2.0
/** Why a pair is connected as it is, put together from what both of its ends know. */
import { parseTransportAddress, type TransportAddress } from '../../nat/address.ts'
import type { Now } from '../../nat/clock.ts'
import type { AskFault, Attempt, PathTold, PeerView, Told } from '../../topology/ask-frame.ts'
import type { NodeId } from '../../topology/identity.ts'
import { observeSelf } from './observe.ts'
import type { Node } from './state.ts'
import type { PathStatus, Why, WhyAttempt } from './status.ts'
import { type OwnWhy, whyReport } from './why-report.ts'

/** What this node tells a member that asks about its pair with this node. */
export function tellWhy(node: Node, from: NodeId, now: Now): Told {
  const peer = node.peers.get(from)
  if (peer === undefined) return { kind: 'fault', fault: 'refused' }
  return { kind: 'why', view: viewOf(node, whyReport(node, peer, now)) }
}

/** This end's view, completed by what the other one told. */
export function fromBoth(own: OwnWhy, told: Told): Why {
  if (told.kind !== 'why') {
    const fault = told.kind === 'fault' ? told.fault : 'malformed'
    const unanswered = { fault, sentence: faultText(own.peer, fault) }
    return { ...own, otherAttempts: null, otherPath: null, otherSentence: null, unanswered }
  }
  const { nat, evidence, candidates, path, attempts, sentence, remedies } = told.view
  return {
    ...own,
    other: { ...own.other, nat, evidence, candidates },
    remedies: [...new Set([...own.remedies, ...remedies])],
    otherAttempts: attempts.map(attemptShown),
    otherPath: pathShown(path),
    otherSentence: sentence,
    unanswered: null,
  }
}

function viewOf(node: Node, report: OwnWhy): PeerView {
  const { self, path, attempts, sentence, remedies } = report
  return {
    nat: self.nat,
    evidence: self.evidence,
    candidates: observeSelf(node).candidates,
    path: pathTold(path),
    attempts: attempts.map(
      ({ address, kind, outcome, rttMs }): Attempt => ({
        address,
        kind,
        outcome,
        rttUs: toUs(rttMs),
      }),
    ),
    sentence,
    remedies,
  }
}

function pathTold({ kind, via, endpoint, rttMs, lossPct }: PathStatus): PathTold {
  const lossPermille = lossPct === null ? null : Math.round(lossPct * 10)
  return { kind, via, endpoint: addressIn(endpoint), rttUs: toUs(rttMs), lossPermille }
}

function pathShown({ kind, via, endpoint, rttUs, lossPermille }: PathTold): PathStatus {
  const lossPct = lossPermille === null ? null : lossPermille / 10
  // Of the other end's way to its hub only its sentence tells.
  return { kind, via, hubServer: null, endpoint, rttMs: toMs(rttUs), lossPct }
}

function attemptShown({ address, kind, outcome, rttUs }: Attempt): WhyAttempt {
  return { address, kind, outcome, rttMs: toMs(rttUs) }
}

function addressIn(endpoint: string | null): TransportAddress | null {
  const parsed = endpoint === null ? undefined : parseTransportAddress(endpoint)
  return parsed?.ok === true ? parsed.value : null
}

function toUs(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1_000)
}

function toMs(us: number | null): number | null {
  return us === null ? null : us / 1_000
}

function faultText(peer: string, fault: AskFault): string {
  switch (fault) {
    case 'unreached':
      return `${peer} could not be asked: no path or link leads to its agent`
    case 'not-spoken':
      return `${peer} could not be asked: it runs an earlier version that does not know the question`
    case 'refused':
      return `${peer} does not answer: it does not know this host as a member yet`
    case 'busy':
      return `${peer} does not answer: it was asked too often; ask again in a few seconds`
    case 'timeout':
      return `${peer} did not answer in time`
    case 'malformed':
      return `${peer} and this host do not understand each other: one of them may run a broken version`
  }
}
