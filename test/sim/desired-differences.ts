// SPDX-License-Identifier: Apache-2.0
import type { DesiredPeer, DesiredState } from '../../agent/core/helper-contract.ts'

/** What an apply would do, one string each. */
export function differences(before: DesiredState, after: DesiredState): string[] {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  const changed: string[] = []
  if (!same(before.device, after.device)) changed.push('device')
  if (!same(before.turn ?? [], after.turn ?? [])) changed.push('turn')
  if (!same(before.firewall ?? null, after.firewall ?? null)) changed.push('firewall')
  if (!same(before.names ?? null, after.names ?? null)) changed.push('names')
  if (!same(before.lateFrom, after.lateFrom)) changed.push('late-from')
  if (!same(before.routes, after.routes)) changed.push('routes')
  const old = new Map(before.peers.map((peer) => [peer.publicKey, peer]))
  for (const peer of after.peers) {
    const known = old.get(peer.publicKey)
    if (known === undefined) changed.push(`peer add ${peer.publicKey}`)
    else if (!samePaths(known, peer)) changed.push(`peer paths ${peer.publicKey}`)
    else if (!same(known.lateIps, peer.lateIps)) changed.push(`peer change ${peer.publicKey}`)
    else if (known.duplicate !== peer.duplicate) changed.push(`peer change ${peer.publicKey}`)
    else if (known.keepaliveMs !== peer.keepaliveMs) changed.push(`peer change ${peer.publicKey}`)
    old.delete(peer.publicKey)
  }
  for (const key of old.keys()) changed.push(`peer del ${key}`)
  return changed
}

function samePaths({ paths: a }: DesiredPeer, { paths: b }: DesiredPeer): boolean {
  return (
    a.length === b.length && a.every((path, i) => JSON.stringify(path) === JSON.stringify(b[i]))
  )
}
