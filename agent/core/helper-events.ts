// SPDX-License-Identifier: Apache-2.0
/** What the helper says: its state on connecting, and its events from then on. */
import { addressParts } from '../../nat/address.ts'
import { type Instant, instant, type Now } from '../../nat/clock.ts'
import { adopt, answered, hear, type PathReport, report } from '../../nat/path-agent.ts'
import { askAgain, askIdle, receiveStun } from '../../nat/stun-client.ts'
import { directPathId, isRelayPathId, relayPathId } from '../../topology/plan.ts'
import { peerByHelperName, recheckPeers } from './believe.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { remember } from './event-log.ts'
import { PATH_TRIAL_MS } from './constants.ts'
import { adoptRoutes } from './hubs.ts'
import type { HelperEvent, HelperLink, HelperPath, HelperPeer } from './helper-contract.ts'
import { observeSelf, rememberObserver } from './observe.ts'
import { pathText } from './path-text.ts'
import { lookForGateway, refreshPorts } from './port-mapping.ts'
import type { Node, Peer } from './state.ts'

type Connected = Extract<Event, { kind: 'helper-connected' }>

/** Adopts what a helper has kept while no agent was there, so that nothing that works is touched. */
export function adoptHelper(node: Node, { hello, state }: Connected, now: Now): Effect[] {
  node.helper.connected = true
  node.helper.engine = hello.engine
  node.helper.engineReason = hello.engineReason
  node.helper.version = hello.helper
  node.helper.appliedText = undefined
  node.links = state.links
  askAgain(node.stun, now.instant)
  recheckPeers(node, now.instant)
  for (const peer of node.peers.values()) {
    // Another helper may have none of the paths that the last one had.
    peer.relayed.clear()
    peer.activePath = undefined
  }
  for (const stats of state.peers) {
    const peer = peerByHelperName(node, stats.publicKey)
    if (peer === undefined) continue
    adoptRoutes(node, peer, stats.paths)
    takeStats(peer, stats, now.instant)
    adopt(peer.paths, pathReports(stats.paths), now.instant)
  }
  const { helper: version, engine, engineReason: why } = hello
  const kept = state.peers.length
  return [remember(node.events, { kind: 'helper-connected', version, engine, why, kept }, now.wall)]
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
      if (peer !== undefined) hear(peer.paths, event.from, now.instant)
      return []
    }
    case 'path-up':
    case 'path-down': {
      const peer = peerByHelperName(node, event.peer)
      if (peer === undefined) return []
      takePathState(peer, event, now.instant)
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
        if (peer !== undefined) takeStats(peer, stats, now.instant)
      }
      return []
    case 'device-lost':
      return [remember(node.events, { kind: 'device-lost', reason: event.reason }, now.wall)]
  }
}

function takeSwitch(
  node: Node,
  peer: Peer,
  { from, to, cause, gapMs }: Extract<HelperEvent, { method: 'switched' }>,
  now: Now,
): Effect {
  peer.activePath = to ?? undefined
  const effect = remember(
    node.events,
    {
      kind: 'path-switched' as const,
      peer: peer.record.certificate.name,
      from: from === null ? null : pathText(node, peer, from),
      to: to === null ? null : pathText(node, peer, to),
      cause,
      gapMs,
    },
    now.wall,
  )
  peer.lastSwitch = effect.entry
  peer.switches += 1
  return effect
}

function takeDatagram(
  node: Node,
  { from, payload }: Extract<HelperEvent, { method: 'datagram' }>,
  now: Now,
): Effect[] {
  const { entropy, stun } = node.powers
  const mappedBy = () => node.stun.servers.get(from)?.mapped
  const before = mappedBy()
  receiveStun(node.stun, from, payload, now.instant, entropy, stun)
  const mapped = mappedBy()
  if (before === undefined || mapped === before) return []
  // The NAT forgot us: what peers saw before is history, and their filters wait for a packet from the new mapping.
  node.seenByPeers.clear()
  recheckPeers(node, now.instant)
  refreshPorts(node, now.instant)
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
  const isNews = answered(peer.paths, { endpoint, transaction, rttMs }, now.instant)
  rememberObserver(node, endpoint, reply.observed)
  if (!isNews) return []
  return [provenEffect(node, peer, { path: directPathId(endpoint), rttMs }, now)]
}

function takePathState(
  peer: Peer,
  event: Extract<HelperEvent, { method: 'path-up' | 'path-down' }>,
  now: Instant,
): void {
  const up = event.method === 'path-up'
  const rttMs = event.method === 'path-up' ? event.rttUs / 1000 : undefined
  if (isRelayPathId(event.path)) {
    // Of a path that was given up meanwhile nothing would ever be heard again.
    if (!isWanted(peer, event.path)) return
    const relayed = peer.relayed.get(event.path)
    const lossPermille = relayed?.lossPermille ?? 0
    peer.relayed.set(event.path, { up, rttMs: rttMs ?? relayed?.rttMs, lossPermille })
    return
  }
  const proven = [...peer.paths.proven.values()].find(
    (path) => directPathId(path.endpoint) === event.path,
  )
  if (proven === undefined) return
  const { endpoint, lossPermille } = proven
  report(peer.paths, [{ endpoint, up, rttMs: rttMs ?? proven.rttMs, lossPermille }], now)
}

function takeStats(peer: Peer, stats: HelperPeer, now: Instant): void {
  peer.stats = stats
  peer.activePath = stats.activePath ?? undefined
  if (stats.session.ageMs !== null) peer.sessionAt = instant(now - stats.session.ageMs)
  takeRelayed(peer, stats)
  // A path that was armed a moment ago has not been asked yet: that is no sign that it is down. But one that
  // never answers the helper is never reported as down either, because it was never up.
  const isOnTrial = ({ endpoint }: PathReport) => {
    const provenAt = peer.paths.proven.get(endpoint)?.provenAt
    return provenAt !== undefined && now - provenAt < PATH_TRIAL_MS
  }
  const measured = stats.paths.filter(
    (path) =>
      path.up || path.lastReplyMs !== null || pathReports([path]).every((r) => !isOnTrial(r)),
  )
  report(peer.paths, pathReports(measured), now)
}

/** Exactly the relayed paths that the helper has, as far as they are still wanted. */
function takeRelayed(peer: Peer, stats: HelperPeer): void {
  peer.relayed.clear()
  for (const path of stats.paths) {
    if (path.kind !== 'relay' || !isWanted(peer, path.id)) continue
    const { up, lossPermille } = path
    const rttMs = path.rttUs === null ? undefined : path.rttUs / 1000
    peer.relayed.set(path.id, { up, rttMs, lossPermille })
  }
}

function isWanted(peer: Peer, id: string): boolean {
  return peer.routes.some((route) => relayPathId(route) === id)
}

function takeLinks(node: Node, links: readonly HelperLink[], now: Now): Effect[] {
  const before = JSON.stringify(observeSelf(node).host)
  node.links = links
  lookForGateway(node, now.instant)
  const { host } = observeSelf(node)
  if (JSON.stringify(host) === before) return []
  // Another network: what was mapped and what worked there says nothing here.
  node.seenByPeers.clear()
  askAgain(node.stun, now.instant)
  recheckPeers(node, now.instant)
  const addresses = host.map((address) => addressParts(address).ip)
  return [remember(node.events, { kind: 'links-changed', addresses }, now.wall)]
}

/** The direct ones among the helper's paths. */
function pathReports(paths: readonly HelperPath[]): PathReport[] {
  return paths.flatMap(({ kind, endpoint, up, rttUs, lossPermille }) => {
    if (kind !== 'direct' || endpoint === null) return []
    return [{ endpoint, up, rttMs: rttUs === null ? undefined : rttUs / 1000, lossPermille }]
  })
}

function pathEffect(
  node: Node,
  peer: Peer,
  event: Extract<HelperEvent, { method: 'path-up' | 'path-down' }>,
  now: Now,
): Effect {
  const { name } = peer.record.certificate
  if (event.method === 'path-down') {
    const { reason } = event
    const path = pathText(node, peer, event.path)
    return remember(node.events, { kind: 'path-down', peer: name, path, reason }, now.wall)
  }
  const { path } = event
  const rttMs = event.rttUs / 1000
  // A direct path was proven by the agent's own probes before the helper had it.
  if (isRelayPathId(path)) return provenEffect(node, peer, { path, rttMs }, now)
  return { kind: 'log', level: 'debug', message: 'path up', fields: { peer: name, path, rttMs } }
}

function provenEffect(
  node: Node,
  peer: Peer,
  { path, rttMs }: { readonly path: string; readonly rttMs: number },
  now: Now,
): Effect {
  const sinceMs = peer.paths.startedAt === undefined ? 0 : now.instant - peer.paths.startedAt
  const { name } = peer.record.certificate
  const proven = pathText(node, peer, path)
  const happening = { kind: 'path-proven', peer: name, path: proven, rttMs, sinceMs } as const
  return remember(node.events, happening, now.wall)
}
