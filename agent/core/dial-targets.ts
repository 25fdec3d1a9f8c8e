// SPDX-License-Identifier: Apache-2.0
/** Which members to keep a gossip link with. */
import { toHex } from '../../nat/hex.ts'
import { dialAddress } from '../../topology/dial-address.ts'
import type { NodeId } from '../../topology/identity.ts'
import { isReached } from './peer-paths.ts'
import { DIAL_TARGETS_MAX, MESH_TARGETS_MAX } from './constants.ts'
import type { DialTarget, Effect } from './effect.ts'
import type { Node, Peer } from './state.ts'

/**
 * A few dialable members, by rendezvous hashing: each node chooses alone, choices spread evenly over the dialable
 * ones, and the coming or going of one member moves few links.
 */
export function dialTargets(node: Node): Effect[] {
  const targets = [...node.peers.values()]
    .filter((peer) => peer.record.dialAddresses.length > 0)
    .map((peer) => ({ peer, weight: (peer.dialWeight ??= rendezvousWeight(node, peer.node)) }))
    // Those that are about to go come last.
    .sort(
      (a, b) =>
        Number(a.peer.record.draining) - Number(b.peer.record.draining) ||
        (a.weight < b.weight ? -1 : 1),
    )
    .slice(0, DIAL_TARGETS_MAX)
    .map(({ peer }): DialTarget => {
      return { node: peer.node, dialAddresses: peer.record.dialAddresses }
    })
  const text = JSON.stringify(targets)
  if (text === node.dialTargetsText) return []
  node.dialTargetsText = text
  return [{ kind: 'dial-targets', targets }]
}

/** Some of the members to which a tunnel stands, by their addresses in the mesh; chosen in the same way. */
export function meshTargets(node: Node): DialTarget[] {
  return [...node.peers.values()]
    .filter(isReached)
    .map((peer) => ({ peer, weight: (peer.dialWeight ??= rendezvousWeight(node, peer.node)) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .slice(0, MESH_TARGETS_MAX)
    .map(({ peer }): DialTarget => ({ node: peer.node, dialAddresses: [meshDialAddress(peer)] }))
}

/** Where a member answers a question, if anywhere: over a tunnel that stands, or where others can dial it. */
export function askTarget(node: Node, id: NodeId): DialTarget {
  const peer = node.peers.get(id)
  if (peer === undefined) return { node: id, dialAddresses: [] }
  const inMesh = isReached(peer) ? [meshDialAddress(peer)] : []
  return { node: id, dialAddresses: [...inMesh, ...peer.record.dialAddresses] }
}

function meshDialAddress({ record }: Peer): string {
  return dialAddress(record.certificate.ipv4, record.dialPort)
}

function rendezvousWeight(node: Node, other: string): string {
  const text = `${node.self} ${other}`
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
  return toHex(node.powers.crypto.hash(bytes))
}
