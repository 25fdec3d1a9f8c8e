// SPDX-License-Identifier: Apache-2.0
/** Whom to ask for our mapping: configured servers first, then members that serve. */
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import { hostAddresses } from './observe.ts'
import type { Node } from './state.ts'

/**
 * Servers in order of preference. Members' servers are taken by turns, one address of each first, because two
 * servers on one host cannot show how a mapping depends on the destination's address.
 */
export function stunServerAddresses(node: Node): TransportAddress[] {
  const host = hostAddresses(node)
  const families = new Set(host.map((address) => addressParts(address).family))
  const usable = (address: TransportAddress) =>
    families.has(addressParts(address).family) && !host.includes(address)
  const members = [...node.peers.values()]
    .filter((peer) => peer.record.stunServers.length > 0)
    .sort((a, b) => (a.node < b.node ? -1 : 1))
    .map((peer) => peer.record.stunServers.filter(usable))
  const rounds = Math.max(0, ...members.map((servers) => servers.length))
  const byTurns = Array.from({ length: rounds }, (_, i) =>
    members.flatMap((servers) => servers[i] ?? []),
  )
  return [...node.config.stunServers.filter(usable), ...byTurns.flat()]
}
