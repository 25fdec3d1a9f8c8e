// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { makePlan } from '../../topology/plan.ts'
import type { Policy, PolicyRule } from '../../topology/policy.ts'
import { MESH_PORT } from '../../topology/swim-codec.ts'
import { certificateOf, network, NOW, signer } from './sample-network.ts'

const device = {
  name: 'meshgate0',
  mtu: 1280,
  listenPort: 41_820,
  stunServer: false,
  relay: false,
} as const

/** Of a host with one other member. */
function planUnder(rules: readonly PolicyRule[]) {
  const peer = certificateOf(signer(3), { ipv4: '10.7.0.2' })
  const policy: Policy = { network: network.id, serial: 1, issuedAt: NOW, rules }
  return makePlan({
    network,
    own: certificateOf(signer(2)),
    device,
    policy,
    dialPort: 41_821,
    turn: [],
    names: false,
    answersLate: false,
    members: [
      {
        certificate: peer,
        keepaliveMs: 25_000,
        mtu: 1280,
        paths: [],
        duplicate: false,
        draining: false,
        reached: true,
        why: '',
      },
    ],
  })
}

test('a policy that allows nothing still lets members gossip over the mesh, and ask whether others live', () => {
  expect(planUnder([]).firewall).toEqual({
    allow: [
      { from: ['10.7.0.2'], protocol: 'udp', ports: [[MESH_PORT, MESH_PORT]] },
      { from: ['10.7.0.2'], protocol: 'tcp', ports: [[41_821, 41_821]] },
    ],
  })
})

test('a policy that keeps nobody out needs no firewall, which a host may not be able to keep', () => {
  const open = { from: ['*'], to: ['*'], protocol: 'any', ports: [] } as const
  expect(planUnder([open]).firewall).toBeNull()
  for (const less of [{ from: ['tag:ops'] }, { to: ['other'] }, { protocol: 'tcp' as const }])
    expect(planUnder([{ ...open, ...less }]).firewall).not.toBeNull()
})
