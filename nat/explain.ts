// SPDX-License-Identifier: Apache-2.0
/** Why a peer is reached as it is, in one sentence. */
import type { PathAgent } from './path-agent.ts'

export function explainPaths(agent: PathAgent): string {
  const active = agent.incumbent === undefined ? undefined : agent.proven.get(agent.incumbent)
  const checks = [...agent.checklist.values()]
  if (active?.up === true) {
    const kind = agent.checklist.get(active.endpoint)?.kind ?? 'peer-reflexive'
    const others = agent.proven.size - 1
    const backups = others === 0 ? '' : `; ${others} more proven`
    return `direct over its ${kind} address, proven by round trips${backups}`
  }
  if (active !== undefined) return `the path to ${active.endpoint} no longer answers; trying again`
  if (checks.length === 0) return 'it offers no address that this host could try'
  const tried = `${checks.length} address${checks.length === 1 ? '' : 'es'}`
  return agent.retryAt === undefined
    ? `no path yet: checking ${tried}`
    : `no path: ${tried} tried, none answered; tried again later or when something changes`
}
