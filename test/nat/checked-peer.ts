// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'
import { instant } from '../../nat/clock.ts'
import {
  answered,
  createPathAgent,
  offer,
  pathDeadline,
  type PathReport,
  probes,
  report,
} from '../../nat/path-agent.ts'
import { armedPaths } from '../../nat/proven-paths.ts'
import { SeededRandom } from '../sim/seeded-random.ts'

/** An agent with its clock and a world in which the endpoints in `reachable` answer after 20 ms. */
export function checking(...offered: TransportAddress[]) {
  const agent = createPathAgent()
  const { entropy } = new SeededRandom(1, 'paths')
  const reachable = new Map<TransportAddress, number>()
  const sent: { atMs: number; endpoint: TransportAddress }[] = []
  let now = 0
  const run = (untilMs: number) => {
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error('a deadline that never passes')
      const deadline = pathDeadline(agent)
      if (deadline === undefined || deadline > untilMs) break
      now = Math.max(now, deadline)
      for (const { endpoint, transaction } of probes(agent, instant(now), 100, entropy)) {
        sent.push({ atMs: now, endpoint })
        const rttMs = reachable.get(endpoint)
        if (rttMs !== undefined) answered(agent, { endpoint, transaction, rttMs }, instant(now))
      }
    }
    now = untilMs
  }
  offer(
    agent,
    offered.map((address) => ({ kind: 'host', address })),
    instant(0),
  )
  return {
    agent,
    reachable,
    sent,
    run,
    now: () => instant(now),
    tell: (...reports: PathReport[]) => report(agent, reports, instant(now)),
    armed: () => armedPaths(agent).map((path) => path.endpoint),
    sentSince: (atMs: number) => sent.filter((probe) => probe.atMs >= atMs).length,
  }
}

export function measured(
  endpoint: TransportAddress,
  quality: Partial<PathReport> = {},
): PathReport {
  return { endpoint, up: true, rttMs: 20, lossPermille: 0, ...quality }
}
