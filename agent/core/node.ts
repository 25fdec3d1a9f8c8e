// SPDX-License-Identifier: Apache-2.0
/**
 * One node as a loop around one line: observe, say, believe, want, change. `step` is the whole contract: the same
 * state and the same events give the same effects. The shell runs one step at a time and performs what comes out.
 */
import { earliest, type Instant, instant, type Now } from '../../nat/clock.ts'
import { pathDeadline } from '../../nat/path-agent.ts'
import { askResting, setStunServers, stunDeadline, stunRequests } from '../../nat/stun-client.ts'
import { channelDeadline, channelEffects, takeChannel } from './channels.ts'
import { takeQuorum } from './authority-quorum.ts'
import { believe, recheckPeers } from './believe.ts'
import { budgetDeadline, dueProbeEffects } from './probing.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { dialBackDeadline, dialBackEffects, restartDialBack, takeDialBack } from './dial-back.ts'
import { dialTargets } from './dial-targets.ts'
import { gatewayDeadline, takeDrain, updateGateways } from './gateways.ts'
import { updateHubs } from './hubs.ts'
import { adoptHelper, loseHelper, takeHelperEvent } from './helper-events.ts'
import { livenessDeadline, livenessEffects, takeMeshSocket, takeSwimDatagram } from './liveness.ts'
import { takeNotice } from './notices.ts'
import {
  askForPorts,
  lookForGateway,
  nextPortMappingDeadline,
  portMappingEffects,
  refreshPorts,
  releasePorts,
  takeGatewayEvent,
} from './port-mapping.ts'
import { measureDeadline, measureEffects, remeasure, takeMeasured } from './peer-mtu.ts'
import {
  natSurveyDeadline,
  natSurveyEffects,
  repeatNatSurvey,
  takeSideDatagram,
} from './nat-survey.ts'
import { expireMembers, renewalDeadline, renewOwn, takeRenewal } from './renewal.ts'
import { publishDeadline, publishOwn } from './publish.ts'
import { searchDeadlines, searchEffects } from './searching.ts'
import type { Node } from './state.ts'
import { stunServerAddresses } from './stun-servers.ts'
import { updateTurnPaths } from './turn.ts'
import { uplinkDeadline, uplinkEffects } from './uplinks.ts'
import { applyPlan } from './want.ts'

/** Consumes one event, brings everything that follows from it up to date, and says what to do. */
export function step(node: Node, event: Event, now: Now): Effect[] {
  const effects = take(node, event, now)
  effects.push(...portMappingEffects(node, now))
  const servers = stunServerAddresses(node)
  setStunServers(node.stun, servers, now.instant)
  effects.push(...stunEffects(node, now))
  effects.push(...uplinkEffects(node, servers, now))
  effects.push(...natSurveyEffects(node, now))
  effects.push(...dialBackEffects(node, now))
  effects.push(...expireMembers(node, now))
  effects.push(...renewOwn(node, now))
  effects.push(...livenessEffects(node, now))
  updateHubs(node, now)
  updateGateways(node, now.instant)
  updateTurnPaths(node, now.instant)
  effects.push(...publishOwn(node, now))
  effects.push(...searchEffects(node, now))
  effects.push(...dueProbeEffects(node, now))
  effects.push(...channelEffects(node, now))
  effects.push(...measureEffects(node, now))
  effects.push(...applyPlan(node, now))
  effects.push(...dialTargets(node))
  return effects
}

/** When `step` must be called with a tick at the latest; undefined if only an event can change anything. */
export function nextDeadline(node: Node): Instant | undefined {
  if (node.own === undefined) return instant(0)
  const paths = node.helper.connected
    ? [...node.peers.values()].map((peer) => pathDeadline(peer.paths))
    : []
  const checks = earliest(paths)
  return earliest([
    publishDeadline(node),
    renewalDeadline(node),
    gatewayDeadline(node),
    livenessDeadline(node),
    nextPortMappingDeadline(node),
    natSurveyDeadline(node),
    dialBackDeadline(node),
    channelDeadline(node),
    measureDeadline(node),
    node.helper.connected ? stunDeadline(node.stun) : undefined,
    node.helper.connected ? uplinkDeadline(node) : undefined,
    searchDeadlines(node),
    checks === undefined ? undefined : budgetDeadline(node, checks),
  ])
}

function take(node: Node, event: Event, now: Now): Effect[] {
  switch (event.kind) {
    case 'tick':
      return []
    case 'helper-connected':
      lookForGateway(node, now.instant)
      return adoptHelper(node, event, now)
    case 'helper-disconnected':
      return loseHelper(node, event.reason, now)
    case 'applied':
      node.helper.problem = undefined
      if (event.changed.length === 0) return []
      return [log('debug', 'applied', { changed: event.changed })]
    case 'apply-failed':
      // Forgotten, so that the next step sends it again; the shell paces repeated failures.
      node.helper.appliedText = undefined
      node.helper.problem = event.fault.message
      return [log('error', 'the helper refused the plan', { fault: event.fault })]
    case 'helper-event':
      return takeHelperEvent(node, event.event, now)
    case 'record':
      return believe(node, event, now)
    case 'notice':
      return takeNotice(node, event.notice, now)
    case 'authority-quorum':
      return takeQuorum(node, event.quorum, now)
    case 'mesh-socket':
      takeMeshSocket(node, event.open, now)
      return []
    case 'swim-datagram':
      return takeSwimDatagram(node, event, now)
    case 'renewed':
    case 'renewal-failed':
      return takeRenewal(node, event, now)
    case 'neighbour-up':
      node.neighbours.add(event.node)
      return []
    case 'neighbour-down':
      node.neighbours.delete(event.node)
      return []
    case 'recheck':
      for (const client of [node.stun, ...node.uplinks.values()]) askResting(client, now.instant)
      recheckPeers(node, now.instant)
      restartDialBack(node, now.instant)
      lookForGateway(node, now.instant)
      refreshPorts(node, now.instant)
      remeasure(node, now.instant)
      repeatNatSurvey(node, now.instant)
      return []
    case 'gateway':
    case 'gateway-datagram':
    case 'gateway-closed':
    case 'upnp-result':
    case 'release-ports':
      return takeGatewayEvent(node, event, now)
    case 'measured':
      takeMeasured(node, event, now.instant)
      return []
    case 'side-datagram':
      takeSideDatagram(node, event, now)
      return []
    case 'reconfigured': {
      const had = node.config.portMapping
      node.config = { ...node.config, ...event.settings }
      // A plan is made of the configuration as well, and of more of it than is worth comparing in every step.
      node.helper.appliedFrom = undefined
      if (had && !node.config.portMapping) return releasePorts(node, now.instant)
      if (!had && node.config.portMapping) askForPorts(node, now.instant)
      return []
    }
    case 'dialled-back':
      return takeDialBack(node, event.by, event.result, now)
    case 'channel':
      return takeChannel(node, event, now)
    case 'drain': {
      if (!takeDrain(node, event.draining, now.instant)) return []
      const told = event.draining ? 'are told to leave this host' : 'may use this host again'
      return [log('info', `others ${told}`, {})]
    }
    case 'leave':
      node.leaving = true
      return releasePorts(node, now.instant)
  }
}

function stunEffects(node: Node, now: Now): Effect[] {
  if (!node.helper.connected) return []
  const { entropy, stun } = node.powers
  return stunRequests(node.stun, now.instant, entropy, stun).map(({ to, payload }) => ({
    kind: 'send-datagram',
    to,
    payload,
  }))
}

function log(
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
): Effect {
  return { kind: 'log', level, message, fields }
}
