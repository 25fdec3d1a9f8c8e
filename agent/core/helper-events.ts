// SPDX-License-Identifier: Apache-2.0
/** What the helper says: its state on connecting, and its events from then on. */
import { addressParts } from '../../nat/address.ts'
import { type Instant, instant, type Now } from '../../nat/clock.ts'
import { adopt, answered, hear, losePunched, type PathReport } from '../../nat/path-agent.ts'
import { askAgain, askIdle, receiveStun } from '../../nat/stun-client.ts'
import { wayFrom } from '../../nat/direct-way.ts'
import type { PlannedPath } from '../../topology/planned-path.ts'
import { recheckPeers } from './believe.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { remember } from './event-log.ts'
import { PATH_TRIAL_MS } from './constants.ts'
import { adoptChannel } from './channels.ts'
import { assumeOpen, restartDialBack } from './dial-back.ts'
import { adoptRoutes } from './hubs.ts'
import type { HelperEvent, HelperLink, HelperPath, HelperPeer } from './helper-contract.ts'
import { observeSelf, offeredAddresses, rememberObserver } from './observe.ts'
import { pathEffect, provenEffect, takeSwitch } from './path-events.ts'
import { forgetMtus, noticePath, noticeTraffic, remeasure } from './peer-mtu.ts'
import { restartNatSurvey } from './nat-survey.ts'
import { lookForGateway, refreshPorts } from './port-mapping.ts'
import {
  figuresOf,
  type PathFigures,
  pathById,
  pathTo,
  provenPath,
  seekAgain,
  takeFigures,
} from './peer-paths.ts'
import { takeSearchEnd } from './searching.ts'
import { peerByHelperName, type Node, type Peer } from './state.ts'
import { adoptTurn, hearOverTurn, takeTurnServers } from './turn.ts'
import { mappingsOf } from './state/uplinks.ts'
import { askUplinksAgain, spareSources, takeUplinkAnswer } from './uplinks.ts'

type Connected = Extract<Event, { kind: 'helper-connected' }>

/** Adopts what a helper has kept while no agent was there, so that nothing that works is touched. */
export function adoptHelper(node: Node, { hello, state }: Connected, now: Now): Effect[] {
  node.helper.connected = true
  node.helper.engine = hello.engine
  node.helper.engineReason = hello.engineReason
  node.helper.version = hello.helper
  node.helper.features = hello.features
  node.helper.appliedText = undefined
  forgetMtus(node)
  node.links = state.links
  // A hub goes on being one while its agent is away.
  if (state.device?.relay === true) assumeOpen(node, offeredAddresses(node), now.instant)
  askAgain(node.stun, now.instant)
  askUplinksAgain(node, now.instant)
  recheckPeers(node, now.instant)
  node.helper.names = state.names
  const allocations = adoptTurn(node, state, now)
  for (const peer of node.peers.values()) {
    // Another helper may have none of the paths that the last one had.
    peer.indirect.figures.clear()
    for (const { id } of peer.indirect.all) seekAgain(peer, id, now.instant)
    losePunched(peer.paths)
    peer.activePath = undefined
  }
  for (const stats of state.peers) {
    const peer = peerByHelperName(node, stats.publicKey)
    if (peer === undefined) continue
    adoptRoutes(node, peer, stats.paths, now.instant)
    adoptChannel(peer, stats.paths, now.instant)
    takeStats(node, peer, stats, now.instant)
    adopt(peer.paths, pathReports(stats.paths), now.instant)
    for (const { id, up } of stats.paths) noticePath(node, peer, id, up, now.instant)
  }
  const { helper: version, engine, engineReason: why } = hello
  const kept = state.peers.length
  const { restored, takeover } = state
  node.helper.restored = restored
  node.helper.takeover = takeover
  const connected = { version, engine, why, kept, restored, takeover }
  const told = remember(node.events, { kind: 'helper-connected', ...connected }, now.wall)
  return [told, ...allocations]
}

export function loseHelper(node: Node, reason: string, now: Now): Effect[] {
  const was = node.helper.connected
  node.helper.connected = false
  node.helper.problem = reason
  return was ? [remember(node.events, { kind: 'helper-lost', reason }, now.wall)] : []
}

export function takeHelperEvent(node: Node, event: HelperEvent, now: Now): Effect[] {
  switch (event.method) {
    case 'datagram':
      return takeDatagram(node, event, now)
    case 'probe-reply':
      return takeReply(node, event, now)
    case 'probe-heard': {
      const peer = peerByHelperName(node, event.peer)
      // What came over a TURN server says nothing of how this host's own socket is reached.
      if (peer === undefined) return []
      if (event.server === null) hear(peer.paths, event.from, now.instant)
      else hearOverTurn(peer, event.server, event.from)
      return []
    }
    case 'search-ended': {
      const peer = peerByHelperName(node, event.peer)
      return peer === undefined ? [] : takeSearchEnd(node, peer, event, now)
    }
    case 'path-up':
    case 'path-down': {
      const peer = peerByHelperName(node, event.peer)
      if (peer === undefined) return []
      takePathState(node, peer, event, now.instant)
      // The first sign that a NAT has forgotten us or has another address: the servers' turn may be half a minute away.
      if (event.method === 'path-down') askIdle(node.stun, now.instant)
      return [pathEffect(node, peer, event, now)]
    }
    case 'switched': {
      const peer = peerByHelperName(node, event.peer)
      return peer === undefined ? [] : [takeSwitch(node, peer, event, now)]
    }
    case 'links-changed':
      return takeLinks(node, event.links, now)
    case 'stats':
      for (const stats of event.peers) {
        const peer = peerByHelperName(node, stats.publicKey)
        if (peer !== undefined) takeStats(node, peer, stats, now.instant)
      }
      return takeTurnServers(node, event.turn, now)
    case 'turn-changed':
      return takeTurnServers(node, [event.server], now)
    case 'names-changed':
      node.helper.names = event.names
      return []
    case 'device-lost':
      return [remember(node.events, { kind: 'device-lost', reason: event.reason }, now.wall)]
  }
}

function takeDatagram(
  node: Node,
  { from, payload }: Extract<HelperEvent, { method: 'datagram' }>,
  now: Now,
): Effect[] {
  const { entropy, stun } = node.powers
  const mappedBy = () => node.stun.servers.get(from)?.mapped
  const before = mappedBy()
  takeUplinkAnswer(node, { from, payload }, now)
  receiveStun(node.stun, from, payload, now.instant, entropy, stun)
  const mapped = mappedBy()
  if (before === undefined || mapped === before) return []
  // The NAT forgot us: what peers saw before is history, and their filters wait for a packet from the new mapping.
  node.seenByPeers.clear()
  recheckPeers(node, now.instant)
  refreshPorts(node, now.instant)
  if (mapped !== undefined && addressParts(mapped).ip !== addressParts(before).ip) {
    restartNatSurvey(node, now.instant)
  }
  const happening = { kind: 'mapping-changed', before, mapped: mapped ?? null } as const
  return [remember(node.events, happening, now.wall)]
}

function takeReply(
  node: Node,
  reply: Extract<HelperEvent, { method: 'probe-reply' }>,
  now: Now,
): Effect[] {
  const peer = peerByHelperName(node, reply.peer)
  if (peer === undefined) return []
  const { endpoint, transaction } = reply
  const rttMs = reply.rttUs / 1000
  const proven = answered(peer.paths, { endpoint, transaction, rttMs }, now.instant)
  // What is seen over a spare uplink says nothing of how the first one maps.
  if (!mappingsOf(node.uplinks).includes(reply.observed))
    rememberObserver(node, endpoint, reply.observed)
  if (proven === undefined || !proven.isNews) return []
  return [provenEffect(node, peer, { path: pathTo(peer.paths, proven.way).id, rttMs }, now)]
}

function takePathState(
  node: Node,
  peer: Peer,
  event: Extract<HelperEvent, { method: 'path-up' | 'path-down' }>,
  now: Instant,
): void {
  const up = event.method === 'path-up'
  const rttMs = event.method === 'path-up' ? event.rttUs / 1000 : undefined
  const path = pathById(peer, event.path)
  if (path === undefined) return
  const known = figuresOf(peer, path)
  const lossPermille = known?.lossPermille ?? 0
  takeFigures(peer, path, { up, rttMs: rttMs ?? known?.rttMs, lossPermille }, now)
  noticePath(node, peer, path.id, up, now)
}

function takeStats(node: Node, peer: Peer, stats: HelperPeer, now: Instant): void {
  const before = peer.stats
  peer.stats = stats
  peer.activePath = stats.activePath ?? undefined
  if (stats.session.ageMs !== null) peer.sessionAt = instant(now - stats.session.ageMs)
  // Exactly the paths that the helper has, as far as they are still wanted.
  peer.indirect.figures.clear()
  for (const measured of stats.paths) {
    const path = pathById(peer, measured.id)
    if (path === undefined || isOnTrial(peer, path, measured, now)) continue
    takeFigures(peer, path, figuresIn(measured), now)
    noticePath(node, peer, path.id, measured.up, now)
  }
  const carried = ({ rxBytes, txBytes }: HelperPeer) => rxBytes + txBytes
  if (before !== undefined) noticeTraffic(node, peer, carried(stats) - carried(before), now)
}

/**
 * A path that was proven and armed a moment ago has not been asked yet: that is no sign that it is down. But one that never
 * answers the helper is never reported as down either, because it was never up.
 */
function isOnTrial(peer: Peer, path: PlannedPath, { up, lastReplyMs }: HelperPath, now: Instant) {
  if (up || lastReplyMs !== null) return false
  const provenAt = provenPath(peer, path)?.provenAt
  return provenAt !== undefined && now - provenAt < PATH_TRIAL_MS
}

function figuresIn({ up, rttUs, lossPermille }: HelperPath): PathFigures {
  return { up, rttMs: rttUs === null ? undefined : rttUs / 1000, lossPermille }
}

function takeLinks(node: Node, links: readonly HelperLink[], now: Now): Effect[] {
  const told = () => JSON.stringify([observeSelf(node).host, spareSources(node)])
  const before = told()
  node.links = links
  lookForGateway(node, now.instant)
  const { host } = observeSelf(node)
  if (told() === before) return []
  // Another network: what was mapped and what worked there says nothing here.
  node.seenByPeers.clear()
  restartNatSurvey(node, now.instant)
  restartDialBack(node, now.instant)
  remeasure(node, now.instant)
  askAgain(node.stun, now.instant)
  askUplinksAgain(node, now.instant)
  recheckPeers(node, now.instant)
  const addresses = host.map((address) => addressParts(address).ip)
  return [remember(node.events, { kind: 'links-changed', addresses }, now.wall)]
}

/** The direct ones among the paths of a helper that was there before us. */
function pathReports(paths: readonly HelperPath[]): PathReport[] {
  return paths.flatMap((path) => {
    const { kind, endpoint, socket, source } = path
    if (kind !== 'direct' || endpoint === null) return []
    const from = socket === null ? wayFrom(endpoint, source) : { endpoint, socket }
    return [{ ...from, ...figuresIn(path) }]
  })
}
