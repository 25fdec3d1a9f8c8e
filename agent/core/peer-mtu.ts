// SPDX-License-Identifier: Apache-2.0
/**
 * How large the packets to each peer may be. All armed paths that answer are measured, not only the one in use, and the
 * peer's routes carry the least of them: when the helper switches, by itself or while no agent is there, nothing that fits
 * one path is too large for the next.
 */
import { earliest, type Instant, type Now } from '../../nat/clock.ts'
import { PATH_MTU_BASE } from '../../nat/constants.ts'
import { createPathMtu, measured, measureDue, searchAgain, verifySoon } from '../../nat/path-mtu.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import { figuresOf, wantedPaths } from './peer-paths.ts'
import { peerByHelperName, type Node, type Peer } from './state.ts'

/** Measurements that wait for their answer at once; the helper allows 64. */
const MEASURES_MAX = 16

const TIMEOUT_MS_MIN = 500
const TIMEOUT_MS_MAX = 3_000
const TIMEOUT_ROUND_TRIPS = 4

/** Bytes between two reports of the helper that are more than its own echoes. */
const BUSY_BYTES = 4_000

/** The helper says whether a path answers: one that rises is measured, of one that falls nothing is known any more. */
export function noticePath(node: Node, peer: Peer, id: string, up: boolean, now: Instant): void {
  if (!up) peer.mtus.delete(id)
  else if (!peer.mtus.has(id)) {
    peer.mtus.set(id, createPathMtu(node.config.mtu, now))
    node.mtu.dueAt = now
  }
}

/** After a report of the helper: a peer with traffic has its path verified. */
export function noticeTraffic(node: Node, peer: Peer, bytes: number, now: Instant): void {
  const active = peer.activePath === undefined ? undefined : peer.mtus.get(peer.activePath)
  if (bytes < BUSY_BYTES || active === undefined) return
  verifySoon(active, now)
  node.mtu.dueAt = earliest([node.mtu.dueAt, active.askAt])
}

/** What the peer's routes carry. */
export function peerMtu(node: Node, peer: Peer): number {
  let least = Infinity
  for (const { id } of wantedPaths(peer))
    least = Math.min(least, peer.mtus.get(id)?.carried ?? least)
  return least === Infinity ? Math.min(PATH_MTU_BASE, node.config.mtu) : least
}

export function measureEffects(node: Node, { instant: now }: Now): Effect[] {
  const { mtu } = node
  if (!node.helper.connected || mtu.dueAt === undefined || mtu.dueAt > now) return []
  const effects: Effect[] = []
  mtu.dueAt = undefined
  for (const peer of node.peers.values()) {
    if (peer.mtus.size === 0) continue
    const paths = new Map(wantedPaths(peer).map((path) => [path.id, path]))
    for (const [id, state] of peer.mtus) {
      const path = paths.get(id)
      if (path === undefined) {
        peer.mtus.delete(id)
        continue
      }
      if (mtu.underWay < MEASURES_MAX) {
        const sizeBytes = measureDue(state, now)
        if (sizeBytes !== undefined) {
          mtu.underWay += 1
          const timeoutMs = timeoutOf(figuresOf(peer, path)?.rttMs)
          effects.push({ kind: 'measure', peer: peer.helperName, path: id, sizeBytes, timeoutMs })
        }
        mtu.dueAt = earliest([mtu.dueAt, state.askAt])
      }
    }
  }
  // The next answer makes room, and looks again.
  if (mtu.underWay >= MEASURES_MAX) mtu.dueAt = undefined
  return effects
}

/** An answer makes room for the next ones. */
export function takeMeasured(
  node: Node,
  { peer, path, outcome }: Extract<Event, { kind: 'measured' }>,
  now: Instant,
): void {
  node.mtu.underWay = Math.max(0, node.mtu.underWay - 1)
  node.mtu.dueAt = now
  const mtus = peerByHelperName(node, peer)?.mtus
  const state = mtus?.get(path)
  // A path that fell and rose meanwhile has asked nothing yet.
  if (mtus === undefined || state?.askAt !== undefined) return
  const isNew = state?.settledAt === undefined
  if (state === undefined || !measured(state, outcome, now) || isNew) return
  // Paths to one peer share most of their way: what has changed on one may have changed on all.
  for (const other of mtus.values()) if (other !== state) searchAgain(other, now)
}

/** Something has changed, or a person asks: all is measured anew. */
export function remeasure(node: Node, now: Instant): void {
  for (const peer of node.peers.values()) {
    for (const state of peer.mtus.values()) searchAgain(state, now)
  }
  node.mtu.dueAt = now
}

/** Another helper has measured nothing, and answers nothing of what the last one was asked. */
export function forgetMtus(node: Node): void {
  node.mtu.underWay = 0
  node.mtu.dueAt = undefined
  for (const peer of node.peers.values()) peer.mtus.clear()
}

export function measureDeadline(node: Node): Instant | undefined {
  return node.helper.connected ? node.mtu.dueAt : undefined
}

function timeoutOf(rttMs: number | undefined): number {
  const wanted = Math.ceil(TIMEOUT_ROUND_TRIPS * (rttMs ?? 0))
  return Math.min(TIMEOUT_MS_MAX, Math.max(TIMEOUT_MS_MIN, wanted))
}
