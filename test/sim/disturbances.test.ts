// SPDX-License-Identifier: Apache-2.0
/**
 * Agents and helpers that crash, NATs that forget, hosts that move: at moments that the seed draws, while a fifth of
 * all packets is lost. Once that is over, all is as if nothing had happened.
 */
import { describe, expect, it } from 'vitest'
import type { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'
import { SeededRandom } from './seeded-random.ts'
import { apart, clearUp, storm, views } from './storm.ts'

const SEEDS = Array.from({ length: Number(process.env['MESHGATE_SEEDS'] ?? 25) }, (_, i) => i + 1)

function disturb(cluster: Cluster, node: ClusterNode, random: SeededRandom): void {
  if (node.agent === undefined) return
  switch (random.integer(1, 5)) {
    case 1:
      node.stop()
      cluster.clock.after(random.integer(0, 30_000), () => node.start(cluster.get('hub-1')))
      break
    case 2:
      node.helper.restart()
      node.dispatch({ kind: 'helper-disconnected', reason: 'it crashed' })
      cluster.clock.after(random.integer(10, 5_000), () => node.connectHelper())
      break
    case 3:
      node.host.realm.nat?.reboot()
      break
    case 4:
      // Addresses of the internet stay where they are.
      if (node.host.realm.nat?.translates !== true) break
      cluster.network.move(node.host, node.host.realm, [`192.168.1.${random.integer(4, 250)}`])
      node.helper.linksChanged()
      break
    default:
      node.dispatch({ kind: 'recheck' })
  }
}

describe('after crashes, forgetful NATs and moves', () => {
  it.each(SEEDS)('all see the same members and meet wherever NATs allow (seed %i)', (seed) => {
    const { cluster, checkers, kinds } = storm(seed)
    const { clock } = cluster
    const random = new SeededRandom(seed, 'disturbances')
    for (let i = 0; i < 20; i++) {
      const node = random.pick([...cluster.nodes.values()])
      clock.after(random.integer(20_000, 300_000), () => disturb(cluster, node, random))
    }
    clock.run(330_000)
    clearUp(cluster)
    const agree = () => new Set(views(cluster)).size === 1
    expect(clock.runUntil(agree, 120_000, 50), `views differ, seed ${seed}`).toBe(true)
    clock.runUntil(() => apart(cluster, kinds).length === 0, 180_000, 50)
    expect(apart(cluster, kinds), `seed ${seed}`).toEqual([])
    checkers.finish()
  })
})
