// SPDX-License-Identifier: Apache-2.0
/** What the rest of the agent sees of the control plane. */
import type { Result } from '../../../nat/result.ts'
import type { Question, Told } from '../../../topology/ask-frame.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { Notice, NoticeSet } from '../../../topology/notice.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { Signal } from '../../../topology/signal.ts'
import type { View } from '../../../topology/view.ts'
import type { Log } from '../log.ts'
import type { ControlCounts } from './control-lanes.ts'
import type { JoinFault } from './join-frame.ts'
import type { SupervisorTarget } from './supervisor.ts'
import type { ListenAddress } from './underlay-node.ts'

export type UnderlayEvent =
  | { readonly kind: 'neighbour-up'; readonly node: NodeId }
  | { readonly kind: 'neighbour-down'; readonly node: NodeId }
  /** Of a member, to this node, and not heard before. */
  | { readonly kind: 'signal'; readonly signal: Signal }
  /** A valid record, newer than the view when it came; `from` is the neighbour that told us. */
  | { readonly kind: 'record'; readonly bytes: Uint8Array; readonly from: NodeId }
  /** What the authority says, its signature checked. */
  | { readonly kind: 'notice'; readonly bytes: Uint8Array; readonly from: NodeId }

export interface UnderlayOptions {
  readonly self: NodeId
  /** The node key's Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  readonly network: string
  readonly presharedKey: Uint8Array
  readonly listen: readonly ListenAddress[]
  isMeshAddress(ip: string): boolean
  /** Members to which a tunnel stands, at their addresses in the mesh: dialled while no other link stands. */
  meshTargets(): readonly SupervisorTarget[]
  /** Where a member can be reached at all, for a question: in the mesh as well. */
  askTarget(node: NodeId): SupervisorTarget
  /** Answers a question of a member. */
  answer(from: NodeId, question: Question): Promise<Told>
  /** Judges an envelope: form, signature, certificate, network, lifetime, revocation. */
  verify(bytes: Uint8Array): Result<NodeRecord>
  /** Form, signature and time of a signal. */
  verifySignal(bytes: Uint8Array): Result<Signal>
  isMember(node: NodeId): boolean
  /** Judges a notice: form, signature, network, lifetime. */
  verifyNotice(bytes: Uint8Array): Result<Notice>
  /** The core's view, read and never changed here. */
  view(): View
  /** The core's notices, read and never changed here. */
  notices(): NoticeSet
  /** The envelope of our own latest record. */
  ownRecord(): Uint8Array
  /** Answers join requests; left out where the authority's key is not at hand. */
  readonly answerJoin?: (request: Uint8Array) => Promise<Uint8Array>
  onEvent(event: UnderlayEvent): void
  readonly log: Log
}

export interface Underlay {
  /** Multiaddrs on which it listens, with the ports that were given to it. */
  readonly listening: readonly string[]
  /** Gossips a record that is our own or was judged here. */
  publish(bytes: Uint8Array): void
  /** Says a record of our own to all neighbours that there are in time; true as soon as one has acknowledged it. */
  deliver(bytes: Uint8Array, deadlineMs: number): Promise<boolean>
  /** Sends a signal of our own, straight or over members that have a link to the other. */
  signal(to: NodeId, bytes: Uint8Array): void
  /** Tells all neighbours what the authority says, and they theirs. */
  publishNotice(bytes: Uint8Array): void
  /** Asks a member, over a link that stands or one that is made for it and ended again. Never rejects. */
  ask(to: NodeId, question: Question): Promise<Told>
  neighbours(): readonly NodeId[]
  /** What was said to neighbours as control messages, and what waits. */
  controlCounts(): ControlCounts
  /** Nodes to which a link is to be kept, whichever side dials. */
  setTargets(targets: readonly SupervisorTarget[]): void
  /** Closes all links to a node, as after its revocation. */
  hangUp(node: NodeId): void
  /** Carries a request of our own to an authority: a neighbour, or one that a neighbour knows. */
  askAuthority(request: Uint8Array): Promise<Result<Uint8Array, JoinFault>>
  close(): Promise<void>
}
