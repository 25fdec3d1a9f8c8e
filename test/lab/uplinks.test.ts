// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** As in failover.test.ts. */
const GAP_MS_MAX = 1_000

let lab: Lab
let mesh: Record<'hub' | 'alice' | 'bob', Member>

beforeAll(async () => {
  lab = await startLab({
    name: 'uplinks',
    hosts: {
      hub: {},
      alice: { uplinks: [{ behind: 'home-a', link: { name: 'cable' } }, { behind: 'radio' }] },
      bob: { behind: 'home-b' },
    },
    nats: {
      'home-a': { kind: 'port-restricted' },
      radio: { kind: 'port-restricted' },
      'home-b': { kind: 'port-restricted' },
    },
  })
  mesh = await startMesh(lab, ['hub', 'alice', 'bob'])
})

afterAll(async () => {
  await lab?.stop()
})

/** Direct paths that are up, the active one among them. */
async function directPaths(member: Member, peer: string): Promise<number> {
  const { path, backups } = await member.peer(peer)
  return [path.kind, ...backups.map(({ kind }) => kind)].filter((kind) => kind === 'direct').length
}

test('two hosts have a direct path over each uplink, and lose little when the cable of one is pulled', async () => {
  for (const [member, peer] of [
    [mesh.alice, 'bob'],
    [mesh.bob, 'alice'],
  ] as const)
    await member.host.waitFor(async () => (await directPaths(member, peer)) >= 2, {
      deadlineMs: 60_000,
      what: `two direct paths to ${peer}`,
    })
  const before = (await mesh.bob.peer('alice')).path.endpoint
  const address = await meshAddress(mesh.alice, 'bob')
  const traffic = Traffic.start(mesh.alice.host, mesh.bob.host, { address })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await lab.set('cable', { unplugged: true })
  await mesh.bob.host.waitFor(
    async () => {
      const { kind, endpoint } = (await mesh.bob.peer('alice')).path
      return kind === 'direct' && endpoint !== before
    },
    { deadlineMs: 10_000, what: "a direct path over alice's other uplink" },
  )
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const report = await traffic.stop()
  expect((await mesh.alice.peer('bob')).path.kind).toBe('direct')
  expect(report.longestGapMs()).toBeLessThan(GAP_MS_MAX)
})
