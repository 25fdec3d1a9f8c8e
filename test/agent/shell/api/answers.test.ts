// SPDX-License-Identifier: Apache-2.0
/** What is said of a running mesh, held against the API's description: nothing less, nothing more. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { netcheckOf } from '../../../../agent/core/netcheck-report.ts'
import { statusOf } from '../../../../agent/core/status-report.ts'
import { planOf } from '../../../../agent/core/want.ts'
import { fromBoth, tellWhy } from '../../../../agent/core/why-from-both.ts'
import { whyReport } from '../../../../agent/core/why-report.ts'
import { eventSchema } from '../../../../agent/shell/api/answers/event-schema.ts'
import { planSchema } from '../../../../agent/shell/api/answers/plan-schema.ts'
import { statusSchema } from '../../../../agent/shell/api/answers/status-schema.ts'
import { netcheckSchema } from '../../../../agent/shell/api/answers/netcheck-schema.ts'
import { whySchema } from '../../../../agent/shell/api/answers/why-schema.ts'
import { Cluster } from '../../../sim/cluster.ts'
import { hostBehind, PLAIN } from '../../../sim/expected-paths.ts'

describe('an answer', () => {
  const cluster = new Cluster(1)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  hub.start()
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  const alice = hostBehind(cluster, 'symmetric', 'alice', PLAIN)
  const bob = hostBehind(cluster, 'symmetric', 'bob', PLAIN)
  const carol = hostBehind(cluster, 'port-restricted', 'carol', PLAIN)
  for (const host of [alice, bob, carol]) host.start(hub)
  cluster.clock.run(40_000)
  carol.stop()
  cluster.clock.run(20_000)
  const nodes = [hub, alice, bob].map(({ agent, now }) => ({ node: agent!, now }))

  const fits = (schema: z.ZodType, answer: unknown) => {
    const sent: unknown = JSON.parse(JSON.stringify(answer))
    const { error } = schema.safeParse(sent)
    expect(error === undefined ? '' : z.prettifyError(error)).toBe('')
  }

  it('about status is as described', () => {
    for (const { node, now } of nodes) fits(statusSchema, statusOf(node, now))
  })

  it('about the plan is as described', () => {
    for (const { node, now } of nodes) fits(planSchema, planOf(node, now))
  })

  it('about the network is as described', () => {
    for (const { node } of nodes)
      fits(netcheckSchema, { ...netcheckOf(node), tcp: [], tcp443: null })
  })

  it('about a pair is as described, whatever the path', () => {
    for (const { node, now } of nodes)
      for (const peer of node.peers.values()) {
        const own = whyReport(node, peer, now)
        fits(whySchema, fromBoth(own, { kind: 'fault', fault: 'timeout' }))
        const asked = nodes.find((other) => other.node.config.certificate.node === peer.node)
        if (asked === undefined) continue
        const from = node.config.certificate.node
        fits(whySchema, fromBoth(own, tellWhy(asked.node, from, asked.now)))
      }
  })

  it('about what happened is as described', () => {
    const entries = nodes.flatMap(({ node }) => node.events.entries)
    expect(new Set(entries.map(({ kind }) => kind)).size).toBeGreaterThan(3)
    fits(z.array(eventSchema), entries)
  })

  it('with a key that nobody described is found', () => {
    const [{ node, now }] = nodes as [(typeof nodes)[0]]
    const more = { ...statusOf(node, now), more: 1 }
    expect(statusSchema.safeParse(more).success).toBe(false)
  })
})
