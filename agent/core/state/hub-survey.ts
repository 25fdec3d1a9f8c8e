// SPDX-License-Identifier: Apache-2.0
import type { HubLink } from '../../../topology/hub-distance.ts'
import type { NodeId } from '../../../topology/identity.ts'

/** The hubs of the view. Replaced as a whole when anything in it changes: routes are made from it, and made anew then. */
export interface HubSurvey {
  /** Members that forward. */
  readonly relays: ReadonlySet<NodeId>
  /** Those of them that are about to go. */
  readonly draining: ReadonlySet<NodeId>
  /** Those of them to which a direct path is up, or if there is none, those that are reached over a TURN server. */
  readonly links: readonly HubLink[]
  readonly overTurn: boolean
}

export const NO_HUBS: HubSurvey = {
  relays: new Set(),
  draining: new Set(),
  links: [],
  overTurn: false,
}
