// SPDX-License-Identifier: Apache-2.0
import { canonicalIp } from '../../nat/address.ts'
import type { Node, Peer } from './state.ts'

/** A peer by what a person calls it: name, mesh address, or node id (or the beginning of it, if unique). */
export function peerByName(node: Node, text: string): Peer | undefined {
  const peers = [...node.peers.values()]
  const ip = canonicalIp(text)
  const exact = peers.find(({ node: id, record: { certificate } }) => {
    const names = [certificate.name, id, certificate.ipv4, certificate.ipv6]
    return names.includes(ip.ok ? ip.value : text)
  })
  if (exact !== undefined) return exact
  const byPrefix = text.length < 4 ? [] : peers.filter((peer) => peer.node.startsWith(text))
  return byPrefix.length === 1 ? byPrefix[0] : undefined
}
