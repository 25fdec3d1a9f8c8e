// SPDX-License-Identifier: Apache-2.0
/** What becomes of paths, as it is remembered and told. */
import type { Now } from '../../nat/clock.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { HelperEvent } from './helper-contract.ts'
import { pathText } from './path-text.ts'
import { pathById, seekAgain, soughtSince } from './peer-paths.ts'
import type { Node, Peer } from './state.ts'

export function takeSwitch(
  node: Node,
  peer: Peer,
  { from, to, cause, gapMs }: Extract<HelperEvent, { method: 'switched' }>,
  now: Now,
): Effect {
  peer.activePath = to ?? undefined
  const effect = remember(
    node.events,
    {
      kind: 'path-switched' as const,
      peer: peer.record.certificate.name,
      from: from === null ? null : pathText(node, peer, from),
      to: to === null ? null : pathText(node, peer, to),
      cause,
      gapMs,
    },
    now.wall,
  )
  peer.lastSwitch = effect.entry
  peer.switches += 1
  peer.switchCauses.set(cause, (peer.switchCauses.get(cause) ?? 0) + 1)
  return effect
}

export function pathEffect(
  node: Node,
  peer: Peer,
  event: Extract<HelperEvent, { method: 'path-up' | 'path-down' }>,
  now: Now,
): Effect {
  const { name } = peer.record.certificate
  if (event.method === 'path-down') {
    const { reason } = event
    seekAgain(peer, event.path, now.instant)
    const path = pathText(node, peer, event.path)
    return remember(node.events, { kind: 'path-down', peer: name, path, reason }, now.wall)
  }
  const { path } = event
  const rttMs = event.rttUs / 1000
  // A direct path was proven by the agent's own probes before the helper had it, unless it leaves from a punched socket.
  const known = pathById(peer, path)
  const isNews = known !== undefined && (known.kind !== 'direct' || known.socket !== undefined)
  if (isNews) return provenEffect(node, peer, { path, rttMs }, now)
  return { kind: 'log', level: 'debug', message: 'path up', fields: { peer: name, path, rttMs } }
}

export function provenEffect(
  node: Node,
  peer: Peer,
  { path, rttMs }: { readonly path: string; readonly rttMs: number },
  now: Now,
): Effect {
  const sinceMs = now.instant - (soughtSince(peer, path) ?? now.instant)
  const { name } = peer.record.certificate
  const proven = pathText(node, peer, path)
  const happening = { kind: 'path-proven', peer: name, path: proven, rttMs, sinceMs } as const
  return remember(node.events, happening, now.wall)
}
