// SPDX-License-Identifier: Apache-2.0
/** A peer's paths as status shows them: the one that carries traffic first, then what is armed behind it. */
import { orderPaths } from '../../nat/path-score.ts'
import type { NodeId } from '../../topology/identity.ts'
import { directPathId, relayPathId } from '../../topology/plan.ts'
import type { RelayRoute } from '../../topology/relay-route.ts'
import type { Node, Peer } from './state.ts'
import type { PathStatus } from './status.ts'

export const NO_PATH: PathStatus = {
  kind: 'none',
  via: null,
  endpoint: null,
  rttMs: null,
  lossPct: null,
}

/** Paths that are up, the active one first. */
export function pathStatuses(node: Node, peer: Peer): PathStatus[] {
  const paths = [...directPaths(peer), ...relayedPaths(node, peer)]
  const active = paths.find(({ id }) => id === peer.activePath)
  const ordered = active === undefined ? paths : [active, ...paths.filter((p) => p !== active)]
  return ordered.map(({ status }) => status)
}

/** The path that the helper names, with its figures if it is still known. */
export function pathStatusOf(node: Node, peer: Peer, id: string): PathStatus {
  const paths = [...directPaths(peer), ...relayedPaths(node, peer)]
  return paths.find((path) => path.id === id)?.status ?? NO_PATH
}

interface NamedPath {
  readonly id: string
  readonly status: PathStatus
}

function directPaths(peer: Peer): NamedPath[] {
  return orderPaths([...peer.paths.proven.values()], peer.paths.incumbent)
    .filter((path) => path.up)
    .map(({ endpoint, rttMs, lossPermille }) => ({
      id: directPathId(endpoint),
      status: {
        kind: 'direct',
        via: null,
        endpoint,
        rttMs: rttMs ?? null,
        lossPct: lossPermille / 10,
      },
    }))
}

function relayedPaths(node: Node, peer: Peer): NamedPath[] {
  return peer.routes.flatMap((route) => {
    const id = relayPathId(route)
    const path = peer.relayed.get(id)
    if (path?.up !== true) return []
    const status: PathStatus = {
      kind: 'relay',
      via: routeNames(node, route),
      endpoint: hubEndpoint(node, route[0]),
      rttMs: path.rttMs ?? null,
      lossPct: path.lossPermille / 10,
    }
    return [{ id, status }]
  })
}

/** `hub`, or `hub, other` for a route over two. */
export function routeNames(node: Node, route: RelayRoute): string {
  return route.map((hub) => node.peers.get(hub)?.record.certificate.name ?? hub).join(', ')
}

function hubEndpoint(node: Node, hub: NodeId): string | null {
  return node.peers.get(hub)?.paths.incumbent ?? null
}
