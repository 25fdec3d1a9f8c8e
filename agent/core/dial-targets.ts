// SPDX-License-Identifier: Apache-2.0
/** Which members to keep a gossip link with. */
import { toHex } from '../../nat/hex.ts'
import { DIAL_TARGETS_MAX } from './constants.ts'
import type { DialTarget, Effect } from './effect.ts'
import type { Node } from './state.ts'

/**
 * A few dialable members, by rendezvous hashing: each node chooses alone, choices spread evenly over the dialable
 * ones, and the coming or going of one member moves few links.
 */
export function dialTargets(node: Node): Effect[] {
  const targets = [...node.peers.values()]
    .filter((peer) => peer.record.dialAddresses.length > 0)
    .map((peer) => ({ peer, weight: (peer.dialWeight ??= rendezvousWeight(node, peer.node)) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .slice(0, DIAL_TARGETS_MAX)
    .map(({ peer }): DialTarget => {
      return { node: peer.node, dialAddresses: peer.record.dialAddresses }
    })
  const text = JSON.stringify(targets)
  if (text === node.dialTargetsText) return []
  node.dialTargetsText = text
  return [{ kind: 'dial-targets', targets }]
}

function rendezvousWeight(node: Node, other: string): string {
  const text = `${node.self} ${other}`
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
  return toHex(node.powers.crypto.hash(bytes))
}
