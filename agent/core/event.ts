// SPDX-License-Identifier: Apache-2.0
import type { NodeId } from '../../topology/identity.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import type { HelperEvent, HelperFault, HelperHello, HelperState } from './helper-contract.ts'

/** All that can happen to a node. The shell makes events; a step consumes one. */
export type Event =
  /** Nothing but time has passed. */
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'helper-connected'
      readonly hello: HelperHello
      readonly state: HelperState
    }
  | { readonly kind: 'helper-disconnected'; readonly reason: string }
  | { readonly kind: 'applied'; readonly changed: readonly string[] }
  | { readonly kind: 'apply-failed'; readonly fault: HelperFault }
  | { readonly kind: 'helper-event'; readonly event: HelperEvent }
  /** A record whose signature, certificate and bounds were checked. `heard`: by gossip, not read from the disk. */
  | {
      readonly kind: 'record'
      readonly record: NodeRecord
      readonly envelope: RecordEnvelope
      readonly heard: boolean
    }
  | { readonly kind: 'neighbour-up'; readonly node: NodeId }
  | { readonly kind: 'neighbour-down'; readonly node: NodeId }
  /** A person asked: question all STUN servers and try all addresses again. */
  | { readonly kind: 'recheck' }
  /** The host leaves the network: its last record says so. */
  | { readonly kind: 'leave' }
