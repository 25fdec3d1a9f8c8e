// SPDX-License-Identifier: Apache-2.0
/**
 * When a pair needs a data channel, and when no more. It is the way of last resort: encrypted twice, and carried by way of a
 * process that costs memory.
 *
 * ```
 *          no other path is up       asked for        it stands
 *   none -------------------> lacking ------> asked ----------> open: the last of the peer's paths
 *    ^                          |  ^           |                  |
 *    +--------------------------+  +-----------+                  | who asked for it closes it once another
 *    |   another path is up          it failed: again later       | path has carried for a while
 *    +------------------------------------------------------------+
 * ```
 * The first sign is a path that answers probes and carries nothing: then the network drops what looks like WireGuard.
 */
import { earliest, type Instant, later, type Now } from '../../nat/clock.ts'
import { CHANNEL_PATH } from '../../topology/planned-path.ts'
import { FAILED_AFTER_MS } from './constants.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { remember } from './event-log.ts'
import { setIndirect } from './peer-paths.ts'
import type { HelperPath } from './helper-contract.ts'
import type { Node, Peer } from './state.ts'

/** For how long no other path may be up, if paths carry nothing, and if there are none: punching may still be under way. */
export const LACKING_MS = 2_000
export const LACKING_UNEXPLAINED_MS = 10_000

/** For how long another path must have carried before the channel is given up. */
export const CHANNEL_LINGER_MS = 10_000
/** The same for who did not ask for it: the other side may need what we do not. */
export const CHANNEL_LINGER_OTHERS_MS = 300_000

/** For how long a channel may stand over which nothing is answered: the library notices late, or never. */
export const CHANNEL_DEAD_MS = 20_000

/** From one attempt to the next, doubling: longer than an attempt takes. */
export const CHANNEL_RETRY_MS_MIN = 20_000
export const CHANNEL_RETRY_MS_MAX = 600_000

/** Takes a channel that the helper's carrier already holds. */
export function adoptChannel(peer: Peer, paths: readonly HelperPath[], now: Instant): void {
  peer.channel.isOpen = paths.some(({ kind }) => kind === 'channel')
  // Whose wish it was is forgotten; to close it is the milder mistake.
  peer.channel.isOurs = peer.channel.isOpen
  setIndirect(peer.indirect, 'channel', peer.channel.isOpen ? [CHANNEL_PATH] : [], now)
}

/** A channel has come to stand, or stands no more. */
export function takeChannel(
  node: Node,
  event: Extract<Event, { kind: 'channel' }>,
  now: Now,
): Effect[] {
  const peer = node.peers.get(event.node)
  if (peer === undefined) return []
  const { channel } = peer
  const { name } = peer.record.certificate
  const was = channel.isOpen
  channel.isOpen = event.isOpen
  channel.carriedSince = undefined
  channel.deadSince = undefined
  channel.seen = undefined
  setIndirect(peer.indirect, 'channel', event.isOpen ? [CHANNEL_PATH] : [], now.instant)
  if (event.isOpen) {
    channel.attempts = 0
    channel.retryAt = undefined
    // What the helper says next is what counts.
    channel.lackingSince = undefined
    return [
      remember(node.events, { kind: 'channel-opened', peer: name, over: event.detail }, now.wall),
    ]
  }
  if (!was) channel.isOurs = false
  // What has worked once is tried again at once.
  else channel.retryAt = undefined
  const closed = { kind: 'channel-closed', peer: name, reason: event.detail } as const
  return [remember(node.events, closed, now.wall)]
}

/** Asks for channels that are needed now, and gives up those that are not. */
export function channelEffects(node: Node, now: Now): Effect[] {
  if (!node.helper.connected) return []
  const effects: Effect[] = []
  for (const peer of node.peers.values()) {
    const { channel, stats, activePath: active } = peer
    const { dueAt, seen } = channel
    const isDue = dueAt !== undefined && dueAt <= now.instant
    if (!isDue && seen?.stats === stats && seen?.active === active && seen !== undefined) continue
    channel.seen = { stats, active }
    channel.dueAt = undefined
    const isLacking = stats?.paths.some(({ up }) => up) !== true
    if (!isLacking) channel.lackingSince = undefined
    if (channel.isOpen && isOver(peer, now.instant)) effects.push(close(peer, now.instant))
    else if (isLacking && !channel.isOpen) effects.push(...ask(peer, now.instant))
  }
  return effects
}

/** When `channelEffects` may have something to do. */
export function channelDeadline(node: Node): Instant | undefined {
  if (!node.helper.connected) return undefined
  let first: Instant | undefined
  for (const { channel } of node.peers.values()) first = earliest([first, channel.dueAt])
  return first
}

function ask(peer: Peer, now: Instant): Effect[] {
  const { channel, stats } = peer
  channel.lackingSince ??= now
  const isExplained = stats?.paths.some(({ carries }) => carries === false) === true
  const ripeAt = later(channel.lackingSince, isExplained ? LACKING_MS : LACKING_UNEXPLAINED_MS)
  const wantedAt =
    channel.retryAt !== undefined && channel.retryAt > ripeAt ? channel.retryAt : ripeAt
  if (now < wantedAt) {
    channel.dueAt = wantedAt
    return []
  }
  const pauseMs = Math.min(CHANNEL_RETRY_MS_MAX, CHANNEL_RETRY_MS_MIN * 2 ** channel.attempts)
  channel.retryAt = later(now, pauseMs)
  channel.dueAt = channel.retryAt
  if (!isAlive(peer, isExplained, now)) return []
  channel.attempts += 1
  channel.isOurs = true
  return [{ kind: 'open-channel', node: peer.node }]
}

/** Where no path shows that the peer is there, it must have spoken since it was reached last: most such peers are away. */
function isAlive({ heardAt, channel }: Peer, isExplained: boolean, now: Instant): boolean {
  if (heardAt === undefined || later(heardAt, FAILED_AFTER_MS) <= now) return false
  return isExplained || channel.lackingSince === undefined || heardAt > channel.lackingSince
}

/** Whether the channel that stands is dead, or has not been needed for a while. */
function isOver(peer: Peer, now: Instant): boolean {
  const { channel, stats, activePath } = peer
  const isDead = stats?.paths.some(({ kind, up }) => kind === 'channel' && up) !== true
  channel.deadSince = isDead ? (channel.deadSince ?? now) : undefined
  const active = stats?.paths.find(({ id }) => id === activePath)
  const isCarried = active !== undefined && active.kind !== 'channel' && active.carries === true
  channel.carriedSince = isCarried ? (channel.carriedSince ?? now) : undefined
  const lingerMs = channel.isOurs ? CHANNEL_LINGER_MS : CHANNEL_LINGER_OTHERS_MS
  channel.dueAt = earliest([
    channel.deadSince === undefined ? undefined : later(channel.deadSince, CHANNEL_DEAD_MS),
    channel.carriedSince === undefined ? undefined : later(channel.carriedSince, lingerMs),
  ])
  return channel.dueAt !== undefined && channel.dueAt <= now
}

function close({ channel, indirect, node }: Peer, now: Instant): Effect {
  channel.isOpen = false
  channel.dueAt = undefined
  channel.carriedSince = undefined
  channel.deadSince = undefined
  setIndirect(indirect, 'channel', [], now)
  return { kind: 'close-channel', node }
}
