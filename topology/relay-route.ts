// SPDX-License-Identifier: Apache-2.0
/**
 * Over which hubs a peer can be reached. Every node keeps paths of its own to a few hubs, its home hubs, and names them in
 * its record: direct ones, or, where no UDP gets out, such as lead over its TURN server to the hub. The hub sees the server's
 * address for the node's, and has a direct path to that; a hub forwards for whoever it has a direct path to. Two hosts with a hub in common need one hub,
 * others two.
 */
import { type HubLink, isClearlyNearer, nearestFirst } from './hub-distance.ts'
import type { NodeId } from './identity.ts'

/** Home hubs of a node: one may die, and another may be slow, and there still is one. */
export const HOME_HUBS_MAX = 3

/** Relayed paths that stay armed for a peer. */
export const RELAY_ROUTES_MAX = 2

/** One or two hubs, in the order in which a frame passes them. */
export type RelayRoute = readonly [NodeId] | readonly [NodeId, NodeId]

/**
 * The home hubs: those kept so far that are still there, then the nearest others. Sorted by id, because it is a
 * set: a record must not change when two round trips swap places.
 */
export function chooseHomeHubs(links: readonly HubLink[], current: readonly NodeId[]): NodeId[] {
  return stickyChoice(links, current, HOME_HUBS_MAX)
    .map(({ hub }) => hub)
    .sort()
}

export interface RouteQuestion {
  readonly peer: NodeId
  /** This node's links to hubs. */
  readonly own: readonly HubLink[]
  /**
   * The peer's home hubs, empty while it has named none; then our own hubs are tried, because a host that just joined
   * has most likely joined over one of them.
   */
  readonly theirs: readonly NodeId[]
  /** The answer so far: what is in use stays, unless it leads nowhere or another is clearly better. */
  readonly current: readonly RelayRoute[]
  /** Hubs that are about to go. */
  readonly draining: ReadonlySet<NodeId>
  /** Whether a direct path carries: then a hub that is about to go is no backup to wait for. */
  readonly isDirect: boolean
  /** Whether packets get through over a route. */
  readonly isUp: (route: RelayRoute) => boolean
}

/**
 * Routes to a peer, best first. A hub that is about to go is left, but not before another one carries: until then the
 * route over it that is in use stays behind the new one.
 */
export function relayRoutes(question: RouteQuestion): RelayRoute[] {
  const { own, theirs, current, draining, isDirect, isUp } = question
  if (draining.size === 0) return findRoutes(question)
  const leaves = (route: RelayRoute) => route.some((hub) => draining.has(hub))
  const staying = findRoutes({
    ...question,
    own: own.filter(({ hub }) => !draining.has(hub)),
    theirs: theirs.filter((hub) => !draining.has(hub)),
    current: current.filter((route) => !leaves(route)),
  })
  if (isDirect || staying.some(isUp)) return staying
  // Over such a hub is better than not at all.
  if (staying.length === 0) return findRoutes(question)
  const inUse = current.filter((route) => leaves(route) && own.some(({ hub }) => hub === route[0]))
  const kept = inUse.slice(0, 1)
  return [...staying.slice(0, RELAY_ROUTES_MAX - kept.length), ...kept]
}

type FindQuestion = Pick<RouteQuestion, 'peer' | 'own' | 'theirs' | 'current'>

/** Over hubs that both have, then over one of ours and one of theirs. */
function findRoutes({ peer, own, theirs, current }: FindQuestion): RelayRoute[] {
  const near = own.filter(({ hub }) => hub !== peer)
  const far = theirs.filter((hub) => hub !== peer)
  const shared = near.filter(({ hub }) => far.length === 0 || far.includes(hub))
  const inUse = current.flatMap((route) => (route.length === 1 ? [route[0]] : []))
  const one = stickyChoice(shared, inUse, RELAY_ROUTES_MAX).map(({ hub }) => hub)
  const room = RELAY_ROUTES_MAX - one.length
  if (room === 0) return one.map((hub): RelayRoute => [hub])
  const two = overTwo(
    near.filter(({ hub }) => !one.includes(hub)),
    far.filter((hub) => !one.includes(hub)),
    current,
  )
  return [...one.map((hub): RelayRoute => [hub]), ...two.slice(0, room)]
}

/** Disjoint as far as it goes: a second route over the same two hubs would die with the first. */
function overTwo(
  near: readonly HubLink[],
  far: readonly NodeId[],
  current: readonly RelayRoute[],
): RelayRoute[] {
  const inUse = current.filter(
    ([first, second]) =>
      second !== undefined && far.includes(second) && near.some(({ hub }) => hub === first),
  )
  const ours = stickyChoice(
    near,
    inUse.map(([first]) => first),
    RELAY_ROUTES_MAX,
  ).map(({ hub }) => hub)
  const named = inUse.flatMap(([, second]) => second ?? [])
  const theirs = [...named, ...far.filter((hub) => !named.includes(hub))]
  const routes: RelayRoute[] = []
  for (const hub of theirs) {
    const first = ours[Math.min(routes.length, ours.length - 1)]
    if (first !== undefined && first !== hub) routes.push([first, hub])
  }
  return routes
}

/**
 * At most `count` links, best first. Those in use keep their places until another is clearly nearer, so that the noise of
 * round trips moves nothing.
 */
function stickyChoice(
  links: readonly HubLink[],
  current: readonly NodeId[],
  count: number,
): HubLink[] {
  const kept = current.flatMap((id) => links.find(({ hub }) => hub === id) ?? []).slice(0, count)
  const others = links.filter((link) => !kept.includes(link)).sort(nearestFirst)
  const chosen = [...kept, ...others.splice(0, count - kept.length)]
  for (const other of others) {
    const farthest = [...chosen].sort(nearestFirst).at(-1)
    if (farthest === undefined || !isClearlyNearer(other, farthest)) break
    chosen[chosen.indexOf(farthest)] = other
  }
  return inOrder(chosen)
}

/** A link overtakes the one before it only if it is clearly nearer. */
function inOrder(links: readonly HubLink[]): HubLink[] {
  const ordered: HubLink[] = []
  for (const link of links) {
    let place = ordered.length
    while (place > 0 && isClearlyNearer(link, ordered[place - 1]!)) place--
    ordered.splice(place, 0, link)
  }
  return ordered
}
