// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../../nat/address.ts'
import type { Instant } from '../../../nat/clock.ts'
import type { DoorTried } from '../../../topology/ask-frame.ts'
import type { NodeId } from '../../../topology/identity.ts'

export interface Verdict extends DoorTried {
  /** Who has tried and came to this; empty while it is only thought. */
  readonly by: readonly NodeId[]
  readonly againAt: Instant
}

/** The trial of one address, which several members may take part in. */
export interface Trial {
  readonly address: TransportAddress
  readonly since: Instant
  readonly asked: Set<NodeId>
  /** Of whom an answer is awaited, and until when. */
  waiting: { readonly of: NodeId; readonly until: Instant } | undefined
  /** What the first one found that did not get through. */
  failure: (DoorTried & { readonly by: NodeId }) | undefined
}

export interface DialBack {
  /** By the UDP address. */
  readonly verdicts: Map<TransportAddress, Verdict>
  trial: Trial | undefined
}

export function createDialBack(): DialBack {
  return { verdicts: new Map(), trial: undefined }
}
