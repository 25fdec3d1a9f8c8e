// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { makePlan } from '../../topology/plan.ts'
import type { Policy } from '../../topology/policy.ts'
import { MESH_PORT } from '../../topology/swim-codec.ts'
import { certificateOf, network, NOW, signer } from './sample-network.ts'

const device = {
  name: 'meshgate0',
  mtu: 1280,
  listenPort: 41_820,
  stunServer: false,
  relay: false,
} as const

test('a policy that allows nothing still lets members gossip over the mesh, and ask whether others live', () => {
  const peer = certificateOf(signer(3), { ipv4: '10.7.0.2' })
  const policy: Policy = { network: network.id, serial: 1, issuedAt: NOW, rules: [] }
  const plan = makePlan({
    network,
    own: certificateOf(signer(2)),
    device,
    policy,
    dialPort: 41_821,
    turn: [],
    names: false,
    members: [
      { certificate: peer, keepaliveMs: 25_000, mtu: 1280, paths: [], duplicate: false, why: '' },
    ],
  })
  expect(plan.firewall).toEqual({
    allow: [
      { from: ['10.7.0.2'], protocol: 'udp', ports: [[MESH_PORT, MESH_PORT]] },
      { from: ['10.7.0.2'], protocol: 'tcp', ports: [[41_821, 41_821]] },
    ],
  })
})
