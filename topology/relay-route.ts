// SPDX-License-Identifier: Apache-2.0
/**
 * Over which hubs a peer can be reached. Every node keeps direct paths to a few hubs, its home hubs, and names them in
 * its record; a hub forwards for whoever it has a direct path to. Two hosts with a hub in common need one hub,
 * others two.
 */
import type { NodeId } from './identity.ts'

/** Home hubs of a node: one may die, and another may be slow, and there still is one. */
export const HOME_HUBS_MAX = 3

/** Relayed paths that stay armed for a peer. */
export const RELAY_ROUTES_MAX = 2

/** A hub to which this node has a direct path that is up. */
export interface HubLink {
  readonly hub: NodeId
  readonly rttMs: number | undefined
}

/** One or two hubs, in the order in which a frame passes them. */
export type RelayRoute = readonly [NodeId] | readonly [NodeId, NodeId]

/**
 * The home hubs: those kept so far that are still there, then the nearest others. Sorted by id, because it is a
 * set: a record must not change when two round trips swap places.
 */
export function chooseHomeHubs(links: readonly HubLink[], current: readonly NodeId[]): NodeId[] {
  const kept = links.filter(({ hub }) => current.includes(hub))
  const others = links.filter(({ hub }) => !current.includes(hub)).sort(byRoundTrip)
  return [...kept, ...others]
    .slice(0, HOME_HUBS_MAX)
    .map(({ hub }) => hub)
    .sort()
}

/**
 * Routes to a peer, best first. `own`: this node's links to hubs. `theirs`: the peer's home hubs, empty while it has
 * named none; then our own hubs are tried, because a host that just joined has most likely joined over one of them.
 */
export function relayRoutes(
  peer: NodeId,
  own: readonly HubLink[],
  theirs: readonly NodeId[],
): RelayRoute[] {
  const near = own
    .filter(({ hub }) => hub !== peer)
    .sort(byRoundTrip)
    .map(({ hub }) => hub)
  const far = theirs.filter((hub) => hub !== peer)
  const shared = near.filter((hub) => far.includes(hub) || far.length === 0)
  if (shared.length > 0) {
    return shared.slice(0, RELAY_ROUTES_MAX).map((hub): RelayRoute => [hub])
  }
  // Disjoint as far as it goes: a second route over the same two hubs would die with the first.
  return far.slice(0, RELAY_ROUTES_MAX).flatMap((hub, i): RelayRoute[] => {
    const first = near[Math.min(i, near.length - 1)]
    return first === undefined ? [] : [[first, hub]]
  })
}

function byRoundTrip(a: HubLink, b: HubLink): number {
  const difference = (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity)
  if (difference !== 0 && !Number.isNaN(difference)) return difference
  return a.hub < b.hub ? -1 : 1
}
