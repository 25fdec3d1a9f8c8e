// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated NATs come to the grid that theory expects, and that scripts/nat-grid holds the built product against: one
 * table, so that what is found in a simulation means something outside of it.
 */
import { describe, expect, it } from 'vitest'
import {
  capabilities,
  type Capability,
  expectedPath,
  type GridPath,
} from '../../netns-lab/expected-grid.ts'
import { natKindNames, natKinds, type NatKindName } from '../../netns-lab/nat-kinds.ts'
import { Cluster } from '../sim/cluster.ts'
import { SimulatedTurnServer } from '../sim/turn-server.ts'

/** What the simulated product can do. */
const has: ReadonlySet<Capability> = new Set(capabilities)

const pairs = natKindNames.flatMap((a, index) =>
  natKindNames.slice(index).map((b) => [a, b, expectedPath(a, b, has).paths] as const),
)

const turn = { id: 'turn', url: 'turns:198.51.100.9:443?transport=tcp' }

function simulate(a: NatKindName, b: NatKindName): GridPath {
  const cluster = new Cluster(1)
  cluster.turnServer = new SimulatedTurnServer(cluster.clock, cluster.network, '198.51.100.9')
  const hub = cluster.add('hub', { ips: ['198.51.100.1'] })
  cluster.add('second-hub', { ips: ['198.51.100.2'] }).start(hub)
  hub.start()
  for (const [index, kind] of [a, b].entries()) {
    const realm = cluster.site(kind)
    // Routers that do not translate have public addresses behind them.
    const isPublic = kind === 'none' || kind === 'firewall'
    const ip = isPublic ? `192.0.2.${index + 10}` : '192.168.1.10'
    // As in the lab, only who needs a server has one.
    const config = natKinds[kind].filtering === 'blocked' ? { turn: [turn] } : {}
    cluster.add(`host-${index}`, { realm, ips: [ip], config }).start(hub)
  }
  cluster.clock.run(20_000)
  return cluster.pathBetween('host-0', 'host-1')
}

describe('two simulated hosts behind NATs have the path that theory expects', () => {
  it.each(pairs)('%s and %s: %j', (a, b, paths) => {
    expect(paths).toContain(simulate(a, b))
  })
})
