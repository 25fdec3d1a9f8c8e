// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated NATs come to the grid that theory expects, and that scripts/nat-grid holds the built product against: one
 * table, so that what is found in a simulation means something outside of it.
 */
import { describe, expect, it } from 'vitest'
import { type Capability, expectedPath } from '../../netns-lab/expected-grid.ts'
import { natKindNames, type NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Cluster } from '../sim/cluster.ts'

/** What the simulated product can do. */
const has: ReadonlySet<Capability> = new Set(['prediction', 'birthday'])

const pairs = natKindNames.flatMap((a, index) =>
  natKindNames.slice(index).map((b) => [a, b, expectedPath(a, b, has).paths] as const),
)

function simulate(a: NatKindName, b: NatKindName): 'direct' | 'none' {
  const cluster = new Cluster(1)
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hub.start()
  for (const [index, kind] of [a, b].entries()) {
    const realm = cluster.site(kind)
    // Routers that do not translate have public addresses behind them.
    const isPublic = kind === 'none' || kind === 'firewall'
    const ip = isPublic ? `192.0.2.${index + 10}` : '192.168.1.10'
    cluster.add(`host-${index}`, { realm, ips: [ip] }).start(hub)
  }
  cluster.clock.run(20_000)
  return cluster.isDirect('host-0', 'host-1') ? 'direct' : 'none'
}

describe('two simulated hosts behind NATs have the path that theory expects', () => {
  it.each(pairs)('%s and %s: %j', (a, b, paths) => {
    expect(paths).toContain(simulate(a, b))
  })
})
