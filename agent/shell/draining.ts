// SPDX-License-Identifier: Apache-2.0
/** Leaving a hub or gateway in order: it says that it is about to go, others move to another one, and then nobody misses it. */
import { PREFIX_HOLD_MS } from '../core/constants.ts'
import { prefixesToHandOn } from '../core/gateways.ts'
import { hubUsers, servesRelay } from '../core/hubs.ts'
import type { Node } from '../core/state.ts'
import { delay, readClock } from './clock.ts'
import type { HelperClient } from './helper/helper-client.ts'
import type { Loop } from './loop.ts'

/** What `meshgate drain --json` prints. Stable keys. */
export interface HubReport {
  /** Whether this host forwards for others. */
  readonly relays: boolean
  /** Prefixes that this host speaks for as a gateway. */
  readonly prefixes: readonly string[]
  readonly draining: boolean
  /** Members that have it as a home hub, by name: those that know no other one stay. */
  readonly users: readonly string[]
  /** Passed on since the helper's start; null without a helper. */
  readonly frames: number | null
}

export interface DrainedParts {
  readonly node: Node
  readonly loop: Loop
  readonly helper: HelperClient
}

/** A stop must not take long; a record needs some hundred milliseconds to arrive, and a new path as long to come up. */
const STOP_DRAIN_MS = 3_000
/** So long without a frame that traffic has moved. */
const QUIET_MS = 300

export async function hubReport({ node, helper }: DrainedParts): Promise<HubReport> {
  const state = await helper.state()
  return {
    relays: servesRelay(node),
    prefixes: node.config.certificate.prefixes,
    draining: node.draining,
    users: hubUsers(node),
    frames: state.ok ? state.value.relayed.frames : null,
  }
}

export async function drain(parts: DrainedParts, draining: boolean): Promise<HubReport> {
  parts.loop.dispatch({ kind: 'drain', draining })
  return hubReport(parts)
}

/**
 * From a gateway's word until it is done with: before members move there is the way of that word to them, and after it that of
 * the last answers through here. Nobody says that he has moved.
 */
const MOVE_MS = 2 * PREFIX_HOLD_MS

/** Before the helper ends: waits until others have moved away, but not for long. */
export async function drainBriefly(parts: DrainedParts): Promise<void> {
  const { node } = parts
  const begunAt = readClock()
  const isHub = servesRelay(node) && hubUsers(node).length > 0
  const isGateway = prefixesToHandOn(node, begunAt).length > 0
  if (!isHub && !isGateway) return
  const movedAt = begunAt.instant + (isGateway ? MOVE_MS : 0)
  const endsAt = begunAt.instant + STOP_DRAIN_MS
  let before = await drain(parts, true)
  while (readClock().instant < endsAt) {
    await delay(QUIET_MS)
    const now = await hubReport(parts)
    const isQuiet = now.users.length === 0 && now.frames === before.frames
    if (isQuiet && readClock().instant >= movedAt) return
    before = now
  }
}
