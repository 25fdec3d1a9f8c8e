// SPDX-License-Identifier: Apache-2.0
/** Hubs as this node sees them: which ones it has a direct path to, which are its home, which lead to a peer. */
import {
  chooseHomeHubs,
  type HubLink,
  type RelayRoute,
  relayRoutes,
} from '../../topology/relay-route.ts'
import { dialableAddresses } from './observe.ts'
import type { Node, Peer } from './state.ts'

/** Whether this node forwards for others: unless it was told not to, every host that seems dialable does. */
export function servesRelay(node: Node): boolean {
  return node.config.relay && dialableAddresses(node).length > 0
}

/** Brings the home hubs up to date with the paths that are up. */
export function updateHomeHubs(node: Node): void {
  node.hubLinks = hubLinks(node)
  node.homeHubs = chooseHomeHubs(node.hubLinks, node.homeHubs)
}

/** Routes to a peer over the hubs of both, best first. */
export function routesTo(node: Node, peer: Peer): RelayRoute[] {
  return relayRoutes(
    peer.node,
    node.hubLinks,
    peer.record.hubs.filter((hub) => hub !== node.self),
  )
}

function hubLinks(node: Node): HubLink[] {
  const links: HubLink[] = []
  for (const peer of node.peers.values()) {
    if (!peer.record.relay) continue
    const up = [...peer.paths.proven.values()].filter((path) => path.up)
    if (up.length === 0) continue
    const rtts = up.flatMap((path) => path.rttMs ?? [])
    links.push({ hub: peer.node, rttMs: rtts.length === 0 ? undefined : Math.min(...rtts) })
  }
  return links
}
