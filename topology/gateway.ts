// SPDX-License-Identifier: Apache-2.0
/**
 * Which member may speak for addresses outside of the mesh: those that its certificate allows, and no record can add to
 * them. Every receiver works it out by itself and lets nothing else in from a member, whatever that member thinks it may do.
 */
import type { Certificate } from './certificate.ts'
import type { NodeId } from './identity.ts'
import type { Network } from './network.ts'
import { parsePrefix, prefixesOverlap } from './prefix.ts'

export interface GatewayCandidate {
  readonly certificate: Pick<Certificate, 'node' | 'prefixes'>
  /** Whether there is a path to it that answers, as far as is known. */
  readonly isReached: boolean
  /** It is about to go, or to be looked after. */
  readonly isDraining: boolean
}

/**
 * Prefixes by the member that holds them, sorted. A prefix belongs to one member at a time: of several that may have it,
 * one that is reached, of those one that is not draining, and among equals the lowest node id; so it moves when its holder
 * is lost or leaves in order, and stays with one that drains where nobody else has it. The mesh's own addresses belong to
 * nobody: no certificate can take another member's.
 */
export function heldPrefixes(
  network: Pick<Network, 'ipv4Prefix' | 'ipv6Prefix'>,
  candidates: readonly GatewayCandidate[],
): ReadonlyMap<NodeId, readonly string[]> {
  const holders = new Map<string, GatewayCandidate>()
  for (const candidate of candidates) {
    for (const prefix of candidate.certificate.prefixes) {
      if (isOfTheMesh(prefix, network)) continue
      const holder = holders.get(prefix)
      if (holder === undefined || goesBefore(candidate, holder)) holders.set(prefix, candidate)
    }
  }
  const held = new Map<NodeId, string[]>()
  for (const [prefix, { certificate }] of [...holders].sort(([a], [b]) => (a < b ? -1 : 1)))
    held.set(certificate.node, [...(held.get(certificate.node) ?? []), prefix])
  return held
}

/** `0.0.0.0/0` holds the mesh's addresses too, but a member's own are the more exact ones and go before it. */
function isOfTheMesh(
  text: string,
  { ipv4Prefix, ipv6Prefix }: Pick<Network, 'ipv4Prefix' | 'ipv6Prefix'>,
): boolean {
  const prefix = parsePrefix(text)
  if (!prefix.ok) return true
  if (prefix.value.length === 0) return false
  return [ipv4Prefix, ipv6Prefix].some((own) => {
    const mesh = parsePrefix(own)
    return mesh.ok && prefixesOverlap(mesh.value, prefix.value)
  })
}

function goesBefore(a: GatewayCandidate, b: GatewayCandidate): boolean {
  if (a.isReached !== b.isReached) return a.isReached
  if (a.isDraining !== b.isDraining) return b.isDraining
  return a.certificate.node < b.certificate.node
}
