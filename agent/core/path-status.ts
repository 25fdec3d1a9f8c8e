// SPDX-License-Identifier: Apache-2.0
/** A peer's paths as status shows them: the one that carries traffic first, then what is armed behind it. */
import { directPaths } from '../../nat/proven-paths.ts'
import { orderPaths } from '../../nat/path-score.ts'
import type { NodeId } from '../../topology/identity.ts'
import { directPath, type PlannedPath } from '../../topology/planned-path.ts'
import type { RelayRoute } from '../../topology/relay-route.ts'
import { serverTowards } from './hubs.ts'
import { figuresOf, pathById, provenPath } from './peer-paths.ts'
import type { Node, Peer } from './state.ts'
import type { PathStatus } from './status.ts'

export const NO_PATH: PathStatus = {
  kind: 'none',
  via: null,
  hubServer: null,
  endpoint: null,
  rttMs: null,
  lossPct: null,
}

/** Paths that are up by the helper's own word, the active one first: what this agent alone has proven carries nothing yet. */
export function pathStatuses(node: Node, peer: Peer): PathStatus[] {
  const isTaken = (path: PlannedPath) => {
    const proven = provenPath(peer, path)
    return proven === undefined || proven.isTaken === true
  }
  const paths = allPaths(peer).filter((path) => figuresOf(peer, path)?.up === true && isTaken(path))
  const active = paths.find(({ id }) => id === peer.activePath)
  const ordered = active === undefined ? paths : [active, ...paths.filter((p) => p !== active)]
  return ordered.map((path) => statusOf(node, peer, path))
}

/** The path that the helper names, with its figures if it is still known. */
export function pathStatusOf(node: Node, peer: Peer, id: string): PathStatus {
  const path = pathById(peer, id)
  return path === undefined || figuresOf(peer, path)?.up !== true
    ? NO_PATH
    : statusOf(node, peer, path)
}

function allPaths({ paths, indirect }: Peer): PlannedPath[] {
  const direct = orderPaths(directPaths(paths), paths.incumbent)
  return [...direct.map(directPath), ...indirect.all]
}

function statusOf(node: Node, peer: Peer, path: PlannedPath): PathStatus {
  const figures = figuresOf(peer, path)
  const measured = {
    rttMs: figures?.rttMs ?? null,
    lossPct: figures === undefined ? null : figures.lossPermille / 10,
  }
  const { kind } = path
  const named = { kind, via: viaOf(node, peer, path), hubServer: null, ...measured }
  switch (kind) {
    case 'direct':
    case 'turn':
      return { ...named, endpoint: path.endpoint }
    case 'channel':
      return { ...named, endpoint: null }
    case 'relay': {
      const hubServer = serverTowards(node, path.via[0]) ?? null
      const endpoint = hubServer === null ? hubEndpoint(node, path.via[0]) : null
      return { ...named, hubServer, endpoint }
    }
  }
}

/** Over whom a path leads, by name: `hub`, or `hub, other` for a route over two; null for a direct one. */
export function viaOf(node: Node, peer: Peer, path: PlannedPath): string | null {
  switch (path.kind) {
    case 'direct':
    case 'channel':
      return null
    case 'relay':
      return routeNames(node, path.via)
    case 'turn':
      return path.server ?? `${peer.record.certificate.name}'s server`
  }
}

function routeNames(node: Node, route: RelayRoute): string {
  return route.map((hub) => node.peers.get(hub)?.record.certificate.name ?? hub).join(', ')
}

function hubEndpoint(node: Node, hub: NodeId): string | null {
  const paths = node.peers.get(hub)?.paths
  return paths?.proven.get(paths.incumbent ?? '')?.endpoint ?? null
}
