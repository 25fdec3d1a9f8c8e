// SPDX-License-Identifier: Apache-2.0
/** A path in the words of a person, whether it is still there or not. */
import { viaOf } from './path-status.ts'
import { pathById } from './peer-paths.ts'
import { peerByHelperName, type Node, type Peer } from './state.ts'

/** `direct 198.51.100.7:41820`, `relay over hub-1, hub-2`; what is not known any more is told by its kind. */
export function pathText(node: Node, peer: Peer, id: string): string {
  const known = pathById(peer, id)
  const over = known && viaOf(node, peer, known)
  if (known !== undefined && known.kind !== 'direct')
    return over === null ? known.kind : `${known.kind} over ${over}`
  const colon = id.indexOf(':')
  const path = peer.stats?.paths.find((one) => one.id === id)
  const kind = path?.kind ?? id.slice(0, colon)
  if (kind === 'direct') return `direct ${id.slice(colon + 1)}`
  const via = path?.server ?? viaNames(node, path?.via ?? [])
  return via === '' ? kind : `${kind} over ${via}`
}

function viaNames(node: Node, via: readonly string[]): string {
  const nameOf = (key: string) => peerByHelperName(node, key)?.record.certificate.name ?? key
  return via.map(nameOf).join(', ')
}
