// SPDX-License-Identifier: Apache-2.0
/** What this node finds out about its NAT on sockets beside the one port. */
import type { Instant, Now } from '../../nat/clock.ts'
import {
  createLifetimeSurvey,
  lifetimeDeadline,
  lifetimeMessages,
  type LifetimeSurvey,
  receiveLifetime,
  restartLifetimeSurvey,
} from '../../nat/mapping-lifetime.ts'
import { stunServerStates } from '../../nat/stun-client.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import type { Node } from './state.ts'

export interface NatSurvey {
  readonly lifetime: LifetimeSurvey
}

export function createNatSurvey(now: Instant): NatSurvey {
  return { lifetime: createLifetimeSurvey(now) }
}

/** Another network, or another router: what was found out says nothing here. */
export function restartNatSurvey(node: Node, now: Instant): void {
  restartLifetimeSurvey(node.survey.lifetime, now)
}

export function natSurveyEffects(node: Node, { instant: now }: Now): Effect[] {
  // Without a helper there is no path, and nobody needs to know.
  if (!node.helper.connected || node.leaving) return []
  const { entropy, stun: codec } = node.powers
  const servers = () => answeringServers(node)
  return lifetimeMessages(node.survey.lifetime, { now, entropy, codec, servers }).map(
    (message) => ({ kind: 'side-socket', message }),
  )
}

export function takeSideDatagram(
  node: Node,
  { socket, from, payload }: Extract<Event, { kind: 'side-datagram' }>,
  { instant: now }: Now,
): void {
  receiveLifetime(node.survey.lifetime, socket, from, payload, { now, codec: node.powers.stun })
}

export function natSurveyDeadline(node: Node): Instant | undefined {
  if (!node.helper.connected || node.leaving) return undefined
  return lifetimeDeadline(node.survey.lifetime)
}

function answeringServers(node: Node) {
  return stunServerStates(node.stun)
    .filter(({ mapped }) => mapped !== undefined)
    .map(({ server }) => server)
}
