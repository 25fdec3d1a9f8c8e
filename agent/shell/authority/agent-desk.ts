// SPDX-License-Identifier: Apache-2.0
import type { Node } from '../../core/state.ts'
import { livenessOf } from '../../core/status-report.ts'
import { readClock } from '../clock.ts'
import type { Config } from '../state/config.ts'
import type { StateDir } from '../state/state-dir.ts'
import type { AdminDesk } from './admin-desk.ts'
import { Authority } from './authority.ts'
import type { JoinDesk } from './answer-join.ts'
import { bootstrapMembers } from './bootstrap-members.ts'
import { LedgerDesk } from './ledger-desk.ts'

export interface AgentDeskOptions {
  readonly join: JoinDesk | undefined
  readonly node: Node
  readonly state: StateDir
  readonly config: Config
  /** Tells the members; false for what is not the authority's word. */
  readonly spread: (notice: Uint8Array) => boolean
}

/** The desk of a running agent; undefined where the network's key is not. */
export function agentDesk(options: AgentDeskOptions): AdminDesk | undefined {
  const { join, node, state, config, spread } = options
  if (join === undefined) return undefined
  const wallTime = () => readClock().wall
  return new LedgerDesk({
    powers: join.powers,
    authority: new Authority(join.powers),
    wallTime,
    bootstrap: (given) =>
      bootstrapMembers({ config, state, membership: node.config, given, now: wallTime() }),
    announce: async (notice) => spread(notice),
    isAlive: async (id) => {
      const peer = node.peers.get(id)
      return peer !== undefined && livenessOf(node, peer, readClock()) === 'alive'
    },
  })
}
