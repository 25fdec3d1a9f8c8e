// SPDX-License-Identifier: Apache-2.0
/** Probes of all peers share one budget, so that a large network does not start with a flood. */
import { type Instant, later, type Now } from '../../nat/clock.ts'
import { probes } from '../../nat/path-agent.ts'
import { PROBE_BATCH, PROBE_BURST, PROBES_PER_SECOND } from './constants.ts'
import type { Effect } from './effect.ts'
import type { Node } from './state.ts'

export function dueProbeEffects(node: Node, { instant: now, wall }: Now): Effect[] {
  if (!node.helper.connected) return []
  refill(node, now)
  if (node.budget.tokens < 1) return []
  const effects: Effect[] = []
  for (const peer of node.peers.values()) {
    peer.paths.sharedClockMs = wall - now + peer.pairPhaseMs
    const commands = probes(peer.paths, now, Math.floor(node.budget.tokens), node.powers.entropy)
    node.budget.tokens -= commands.length
    for (const command of commands) {
      effects.push({ kind: 'probe', peer: peer.helperName, ...command })
    }
  }
  return effects
}

/** `wanted`, but not before the budget allows a probe. */
export function budgetDeadline(node: Node, wanted: Instant): Instant {
  if (node.budget.tokens >= 1) return wanted
  // Not for each probe alone: a step looks at every peer, and one that sends many costs as much as one that sends one.
  const missing = PROBE_BATCH - node.budget.tokens
  const available = later(node.budget.filledAt, (missing * 1000) / PROBES_PER_SECOND)
  return available > wanted ? available : wanted
}

function refill(node: Node, now: Instant): void {
  const gained = ((now - node.budget.filledAt) * PROBES_PER_SECOND) / 1000
  node.budget.tokens = Math.min(PROBE_BURST, node.budget.tokens + gained)
  node.budget.filledAt = now
}
