// SPDX-License-Identifier: Apache-2.0
/** A path in the words of a person, whether it is still there or not. */
import { relayPathId } from '../../topology/plan.ts'
import { peerByHelperName } from './believe.ts'
import { routeNames } from './path-status.ts'
import type { Node, Peer } from './state.ts'

/** `direct 198.51.100.7:41820`, `relay over hub-1, hub-2`; what is not known any more is told by its kind. */
export function pathText(node: Node, peer: Peer, id: string): string {
  const route = peer.routes.find((one) => relayPathId(one) === id)
  if (route !== undefined) return `relay over ${routeNames(node, route)}`
  const colon = id.indexOf(':')
  const path = peer.stats?.paths.find((one) => one.id === id)
  const kind = path?.kind ?? id.slice(0, colon)
  if (kind === 'direct') return `direct ${id.slice(colon + 1)}`
  if (path === undefined || path.via.length === 0) return kind
  const nameOf = (key: string) => peerByHelperName(node, key)?.record.certificate.name ?? key
  return `${kind} over ${path.via.map(nameOf).join(', ')}`
}
