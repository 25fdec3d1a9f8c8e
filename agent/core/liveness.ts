// SPDX-License-Identifier: Apache-2.0
/** SWIM inside the mesh: who lives, by what members ask each other and tell each other. */
import type { Instant, Now } from '../../nat/clock.ts'
import { swimDeadline, swimReceive, swimTick } from '../../topology/swim.ts'
import { decodeSwim, encodeSwim } from '../../topology/swim-codec.ts'
import { createSwim, setMembers, type SwimEffect } from '../../topology/swim-group.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { remember } from './event-log.ts'
import { isShutOut } from './notices.ts'
import type { Node, Peer } from './state.ts'

/** The socket on the mesh address opened or closed: without it nobody can be asked, and nobody is doubted. */
export function takeMeshSocket(node: Node, open: boolean, now: Now): void {
  if (!open) node.swim = undefined
  else node.swim ??= createSwim(node.config.certificate.ipv4, now.wall, now.instant)
}

/** A datagram that came out of the tunnel: its source address is what WireGuard proved. */
export function takeSwimDatagram(
  node: Node,
  { from, payload }: Extract<Event, { kind: 'swim-datagram' }>,
  now: Now,
): Effect[] {
  if (node.swim === undefined) return []
  const message = decodeSwim(payload)
  if (!message.ok) return []
  return swimReceive(node.swim, from, message.value, now.instant).flatMap((effect) =>
    effectsOf(node, effect, now),
  )
}

export function livenessEffects(node: Node, now: Now): Effect[] {
  const { swim } = node
  if (swim === undefined || now.instant < swimDeadline(swim)) return []
  if (now.instant >= swim.nextPeriodAt) setMembers(swim, swimMembers(node, now))
  const effects = swimTick(swim, now.instant, node.powers.entropy)
  return effects.flatMap((effect) => effectsOf(node, effect, now))
}

export function livenessDeadline(node: Node): Instant | undefined {
  return node.swim === undefined ? undefined : swimDeadline(node.swim)
}

/** What the others say of a peer's life; undefined while nothing was heard of it in this run. */
export function swimLife(node: Node, peer: Peer): 'alive' | 'suspect' | 'failed' | undefined {
  const member = node.swim?.members.get(peer.record.certificate.ipv4)
  if (member === undefined) return undefined
  const { life } = member.claim
  if (life === 'left') return 'failed'
  return life === 'alive' && !member.heard ? undefined : life
}

function swimMembers(node: Node, now: Now): Set<string> {
  if (isShutOut(node)) return new Set()
  const members = new Set<string>()
  for (const { record } of node.peers.values())
    if (record.certificate.notAfter > now.wall) members.add(record.certificate.ipv4)
  return members
}

function effectsOf(node: Node, effect: SwimEffect, now: Now): Effect[] {
  if (effect.kind === 'send')
    return [{ kind: 'send-swim', to: effect.to, payload: encodeSwim(effect.message) }]
  const { member, life } = effect
  if (life === 'left') return []
  const peer = nameOf(node, member)
  return [remember(node.events, { kind: `member-${life}`, peer }, now.wall)]
}

function nameOf(node: Node, address: string): string {
  for (const { record } of node.peers.values())
    if (record.certificate.ipv4 === address) return record.certificate.name
  return address
}
