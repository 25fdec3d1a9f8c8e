// SPDX-License-Identifier: Apache-2.0
/**
 * Which pairs of hosts reach each other directly, by the NATs that they are behind, with nothing but checks of each other's
 * addresses: no port prediction, no birthday search. The lab found the same grid with real NATs.
 */
import type { NodeConfig } from '../../agent/core/config.ts'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'

const GRID = `
                     none full rest port masq fire addr seq  sym
none                 yes  yes  yes  yes  yes  yes  yes  yes  yes
full-cone            yes  yes  yes  yes  yes  yes  yes  yes  yes
restricted-cone      yes  yes  yes  yes  yes  yes  yes  yes  yes
port-restricted      yes  yes  yes  yes  yes  yes  -    -    -
masquerade           yes  yes  yes  yes  yes  yes  -    -    -
firewall             yes  yes  yes  yes  yes  yes  -    -    -
address-dependent    yes  yes  yes  -    -    -    -    -    -
symmetric-sequential yes  yes  yes  -    -    -    -    -    -
symmetric            yes  yes  yes  -    -    -    -    -    -
`

const rows = GRID.trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(/\s+/))

export const gridKinds = rows.map(([kind]) => kind as NatKindName)

/** All pairs of kinds, both ways round, and whether they meet. */
export const gridPairs = rows.flatMap(([a, ...cells]) =>
  cells.map((cell, i) => [a as NatKindName, gridKinds[i]!, cell === 'yes'] as const),
)

/** What a host is told that is to try nothing but plain checks. */
export const PLAIN = { birthdaySearch: false } as const

/** A member behind a router of that kind; not started. */
export function hostBehind(
  cluster: Cluster,
  kind: NatKindName,
  name: string,
  config: Partial<NodeConfig> = {},
): ClusterNode {
  const n = cluster.nodes.size
  // Hosts behind plain routers and firewalls have addresses of the internet's own.
  const ip = kind === 'none' || kind === 'firewall' ? `192.0.2.${n + 10}` : '192.168.1.10'
  return cluster.add(name, { realm: cluster.site(kind), ips: [ip], config })
}
