// SPDX-License-Identifier: Apache-2.0
/** Hubs as this node sees them: which ones it reaches itself, which are its home, which lead to a peer. */
import type { Instant, Now } from '../../nat/clock.ts'
import type { PathAgent } from '../../nat/path-agent.ts'
import { directPaths, isDirect, type ProvenPath } from '../../nat/proven-paths.ts'
import type { HubLink } from '../../topology/hub-distance.ts'
import type { NodeId } from '../../topology/identity.ts'
import { relayPath } from '../../topology/planned-path.ts'
import { chooseHomeHubs, type RelayRoute, relayRoutes } from '../../topology/relay-route.ts'
import { isBehindServer } from '../../topology/turn-route.ts'
import type { HelperPath } from './helper-contract.ts'
import { openAddresses } from './dial-back.ts'
import { type IndirectPaths, type PathFigures, setIndirect } from './peer-paths.ts'
import type { HubSurvey } from './state/hub-survey.ts'
import type { Node, Peer } from './state.ts'

/** Whether this node forwards for others: unless it was told not to, every host that others reach does. */
export function servesRelay(node: Node): boolean {
  return node.config.relay && node.config.certificate.hub && openAddresses(node, 'udp').length > 0
}

/** Members that have this node as a home hub, by name: they still count on it. Hubs are reached without one. */
export function hubUsers(node: Node): string[] {
  return [...node.peers.values()]
    .filter(({ record }) => record.hubs.includes(node.self) && !record.relay)
    .map(({ record }) => record.certificate.name)
    .sort()
}

/** Brings home hubs and routes up to date with the paths that are up and with what peers say of themselves. */
export function updateHubs(node: Node, now: Now): void {
  const survey = surveyHubs(node, now)
  if (!isSame(survey, node.hubs)) {
    node.hubs = survey
    const staying = survey.links.filter(({ hub }) => !survey.draining.has(hub))
    node.homeHubs = chooseHomeHubs(staying.length > 0 ? staying : survey.links, node.homeHubs)
  }
  for (const peer of node.peers.values()) {
    const { routesFrom } = peer
    // What is about to go stays until another route is up: that is neither survey nor record.
    const mayLeave = node.hubs.draining.size > 0
    if (mayLeave || routesFrom?.hubs !== node.hubs || routesFrom.record !== peer.record)
      updateRoutes(node, peer, now.instant)
  }
}

/** The routes that a helper already keeps, in their order: they are in use. */
export function adoptRoutes(
  node: Node,
  peer: Peer,
  paths: readonly HelperPath[],
  now: Instant,
): void {
  const nodes = new Map([...node.peers.values()].map((other) => [other.helperName, other.node]))
  peer.routes = paths.flatMap(({ kind, via }): RelayRoute[] => {
    if (kind !== 'relay') return []
    const [first, second] = via.map((name) => nodes.get(name))
    if (first === undefined) return []
    if (via.length === 1) return [[first]]
    return second === undefined ? [] : [[first, second]]
  })
  setRelayPaths(node, peer, now)
  peer.routesFrom = undefined
}

/** A hub that one of the two ends reaches over a TURN server lengthens a way that leads over that server anyway. */
function setRelayPaths(node: Node, { routes, record, indirect }: Peer, now: Instant): void {
  const overTurn = node.hubs.overTurn || isBehindServer(record)
  const paths = routes.map((route) => relayPath(route, { overTurn }))
  setIndirect(indirect, 'relay', paths, now)
}

function updateRoutes(node: Node, peer: Peer, now: Instant): void {
  const { links, relays, draining } = node.hubs
  // A hub that has left, or forwards no more, would take the place of one that does.
  const theirs = [...new Set(peer.record.hubs)].filter((hub) => relays.has(hub))
  const isUp = (route: RelayRoute) => peer.indirect.figures.get(relayPath(route).id)?.up === true
  const { node: id, routes: current } = peer
  peer.routes = relayRoutes({
    peer: id,
    own: links,
    theirs,
    current,
    draining,
    isDirect: isDirect(peer.paths),
    isUp,
  })
  peer.routesFrom = { hubs: node.hubs, record: peer.record }
  setRelayPaths(node, peer, now)
}

function surveyHubs(node: Node, now: Now): HubSurvey {
  const relays = new Set<NodeId>()
  const draining = new Set<NodeId>()
  const links: HubLink[] = []
  const linksOverTurn: HubLink[] = []
  for (const { node: hub, record, paths, indirect } of node.peers.values()) {
    const { hub: mayForward, notAfter } = record.certificate
    if (!record.relay || !mayForward || notAfter <= now.wall) continue
    relays.add(hub)
    if (record.draining) draining.add(hub)
    const direct = fromTheOnePort(paths)
    if (direct.length > 0) links.push({ hub, rttMs: shortest(direct) })
    const turned = overOwnServers(indirect)
    if (turned.length > 0) linksOverTurn.push({ hub, rttMs: shortest(turned) })
  }
  const overTurn = links.length === 0 && linksOverTurn.length > 0
  return { relays, draining, links: overTurn ? linksOverTurn : links, overTurn }
}

/** Frames leave from there: the filter of a peer that needs another socket is shut for them. */
function fromTheOnePort(paths: PathAgent): ProvenPath[] {
  return directPaths(paths).filter(({ up, socket }) => up && socket === undefined)
}

interface TurnedPath extends PathFigures {
  readonly server: string
}

/** Best first. */
function overOwnServers({ ofKind, figures }: IndirectPaths): TurnedPath[] {
  return (ofKind.get('turn') ?? []).flatMap((path) => {
    if (path.kind !== 'turn' || path.server === null) return []
    const known = figures.get(path.id)
    return known?.up === true ? [{ ...known, server: path.server }] : []
  })
}

/** The TURN server over which frames leave for a hub; undefined where they need none, or get nowhere. */
export function serverTowards(node: Node, hub: NodeId): string | undefined {
  const known = node.peers.get(hub)
  if (known === undefined || fromTheOnePort(known.paths).length > 0) return undefined
  return overOwnServers(known.indirect)[0]?.server
}

function shortest(paths: readonly Pick<PathFigures, 'rttMs'>[]): number | undefined {
  const rttMs = Math.min(...paths.map((path) => path.rttMs ?? Infinity))
  return rttMs === Infinity ? undefined : rttMs
}

function isSame(a: HubSurvey, b: HubSurvey): boolean {
  if (a.relays.size !== b.relays.size || a.links.length !== b.links.length) return false
  for (const hub of a.relays) if (!b.relays.has(hub)) return false
  if (a.draining.size !== b.draining.size || a.overTurn !== b.overTurn) return false
  for (const hub of a.draining) if (!b.draining.has(hub)) return false
  return a.links.every(({ hub, rttMs }, i) => hub === b.links[i]?.hub && rttMs === b.links[i].rttMs)
}
