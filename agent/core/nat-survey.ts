// SPDX-License-Identifier: Apache-2.0
/** What this node finds out about its NAT on sockets beside the one port. */
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import {
  discoverAgain,
  discoveryDeadline,
  discoveryMessages,
  isDiscovering,
  receiveDiscovery,
  restartDiscovery,
} from '../../nat/behaviour-discovery.ts'
import { earliest, type Instant, type Now } from '../../nat/clock.ts'
import {
  lifetimeDeadline,
  lifetimeMessages,
  receiveLifetime,
  restartLifetimeSurvey,
} from '../../nat/mapping-lifetime.ts'
import { isAwaitingAnswers, stunServerStates } from '../../nat/stun-client.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { hostAddresses } from './observe.ts'
import type { Node } from './state.ts'

/** Another network, or another router: what was found out says nothing here. */
export function restartNatSurvey(node: Node, now: Instant): void {
  restartLifetimeSurvey(node.survey.lifetime, now)
  restartDiscovery(node.survey.behaviour, now)
}

/** A person asks: what takes seconds is looked at again. */
export function repeatNatSurvey(node: Node, now: Instant): void {
  discoverAgain(node.survey.behaviour, now)
}

/** Whether something more will be known within seconds. */
export function isSurveying({ stun, survey: { behaviour } }: Node): boolean {
  return isDiscovering(behaviour) || isAwaitingAnswers(stun)
}

export function natSurveyEffects(node: Node, { instant: now }: Now): Effect[] {
  // Without a helper there is no path, and nobody needs to know.
  if (!node.helper.connected || node.leaving) return []
  const { entropy, stun: codec } = node.powers
  const { lifetime, behaviour } = node.survey
  const moment = {
    now,
    entropy,
    codec,
    localIps: () => new Set(hostAddresses(node).map((address) => addressParts(address).ip)),
  }
  const messages = [
    ...lifetimeMessages(lifetime, { ...moment, servers: () => answeringServers(node) }),
    ...discoveryMessages(behaviour, { ...moment, servers: () => discoveryServers(node) }),
  ]
  return messages.map((message) => ({ kind: 'side-socket', message }))
}

export function takeSideDatagram(
  node: Node,
  { socket, from, payload }: Extract<Event, { kind: 'side-datagram' }>,
  { instant: now }: Now,
): void {
  const { lifetime, behaviour } = node.survey
  receiveLifetime(lifetime, socket, from, payload, { now, codec: node.powers.stun })
  receiveDiscovery(behaviour, socket, from, payload, node.powers.stun)
}

export function natSurveyDeadline(node: Node): Instant | undefined {
  if (!node.helper.connected || node.leaving) return undefined
  const { lifetime, behaviour } = node.survey
  return earliest([lifetimeDeadline(lifetime), discoveryDeadline(behaviour)])
}

function answeringServers(node: Node): TransportAddress[] {
  return stunServerStates(node.stun)
    .filter(({ mapped }) => mapped !== undefined)
    .map(({ server }) => server)
}

/** Members' servers have one address and say so; none is asked before it is clear which of the configured ones answer. */
function discoveryServers(node: Node): TransportAddress[] {
  const configured = new Set(node.config.stunServers)
  const isOpen = stunServerStates(node.stun).some(
    ({ server, mapped, failures }) =>
      configured.has(server) && mapped === undefined && failures === 0,
  )
  if (isOpen) return []
  const known = answeringServers(node)
  return [...known.filter((s) => configured.has(s)), ...known.filter((s) => !configured.has(s))]
}
