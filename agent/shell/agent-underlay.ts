// SPDX-License-Identifier: Apache-2.0
/** The control plane of a running agent: it judges by what the node knows. */
import { err, type Result } from '../../nat/result.ts'
import type { Question, Told } from '../../topology/ask-frame.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { Trust } from '../../topology/authority-signature.ts'
import type { Network } from '../../topology/network.ts'
import {
  isRevoked,
  type Notice,
  type NoticeFault,
  openNotice,
  withdrawnUpTo,
} from '../../topology/notice.ts'
import type { NodeRecord } from '../../topology/record.ts'
import { type RecordFault, verifyRecord } from '../../topology/record-codec.ts'
import { verifySignal } from '../../topology/signal.ts'
import { askTarget, meshTargets } from '../core/dial-targets.ts'
import { isMeshAddress } from '../core/observe.ts'
import type { Node } from '../core/state.ts'
import { tellWhy } from '../core/why-from-both.ts'
import type { JoinDesk } from './authority/answer-join.ts'
import { readClock } from './clock.ts'
import { DoorTrials } from './door-trials.ts'
import type { Log } from './log.ts'
import { nodeCrypto } from './node-crypto.ts'
import { handedSockets, listenPlaces } from './underlay/handed-sockets.ts'
import { startUnderlay } from './underlay/underlay.ts'
import type { Underlay, UnderlayEvent } from './underlay/underlay-contract.ts'

export interface AgentUnderlayOptions {
  readonly node: Node
  /** The node key's Ed25519 seed. */
  readonly seed: Uint8Array
  readonly listenAddresses: readonly string[]
  readonly desk: JoinDesk | undefined
  readonly log: Log
  onEvent(event: UnderlayEvent): void
}

export function startAgentUnderlay(options: AgentUnderlayOptions): Promise<Underlay> {
  const { node, seed, desk, log } = options
  const doors = new DoorTrials()
  const { network, dialPort } = node.config
  return startUnderlay({
    self: node.self,
    seed,
    network: network.id,
    presharedKey: network.presharedKey,
    listen: listenPlaces(
      options.listenAddresses.map((ip) => ({ ip, port: dialPort })),
      handedSockets(process.env, process.pid),
    ),
    isMeshAddress: (ip) => isMeshAddress(node, ip),
    meshTargets: () => meshTargets(node),
    askTarget: (id) => askTarget(node, id),
    answer: (from, question) => answer(node, doors, from, question),
    verify: (bytes) => judgeRecord(node, bytes),
    verifySignal: (bytes) => verifySignal(bytes, network.id, nodeCrypto, readClock().wall),
    isMember: (id) => {
      const until = node.peers.get(id)?.record.certificate.notAfter
      return until !== undefined && until > readClock().wall
    },
    verifyNotice: (bytes) => judgeNotice(node, bytes),
    notices: () => node.notices,
    view: () => node.view,
    ownRecord: () => node.own?.envelope.bytes ?? new Uint8Array(),
    ...(desk === undefined ? {} : { answerJoin: (request) => desk.answer(request) }),
    onEvent: (event) => options.onEvent(event),
    log,
  })
}

async function answer(
  node: Node,
  doors: DoorTrials,
  from: NodeId,
  question: Question,
): Promise<Told> {
  switch (question.kind) {
    case 'why':
      return tellWhy(node, from, readClock())
    case 'dial': {
      const candidates = node.peers.get(from)?.record.candidates ?? []
      return doors.answer(from, candidates, question)
    }
  }
}

/**
 * A record as of now: form, signatures, lifetime, and whether its node was revoked. `verify`: verifyKeptRecord for what was
 * kept since an earlier start.
 */
export function judgeRecord(
  node: Node,
  bytes: Uint8Array,
  verify: typeof verifyRecord = verifyRecord,
): Result<NodeRecord, RecordFault | 'revoked'> {
  const record = verify(bytes, trustOf(node), nodeCrypto, readClock().wall)
  if (!record.ok) return record
  return isRevoked(node.notices, record.value.certificate) ? err('revoked') : record
}

export function judgeNotice(node: Node, bytes: Uint8Array): Result<Notice, NoticeFault> {
  return openNotice(bytes, trustOf(node), nodeCrypto, readClock().wall)
}

/** The network, and whose word in it does not count any more. */
function trustOf({ config, notices }: Node): Network & Trust {
  return { ...config.network, withdrawnUpTo: (key) => withdrawnUpTo(notices, key) }
}
