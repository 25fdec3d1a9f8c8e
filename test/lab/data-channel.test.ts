// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh } from './mesh.ts'

/** A network on alice's way lets probes pass and drops WireGuard, and the only member that others can reach does not relay. */
let lab: Lab
let mesh: Record<'hub' | 'alice' | 'bob', Member>
let bobAddress: string

beforeAll(async () => {
  lab = await startLab({
    name: 'channel',
    hosts: { hub: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted' },
    },
  })
  mesh = await startMesh(lab, ['hub', 'alice', 'bob'], { hub: 'relay = false' })
  await mesh.alice.reaches('bob')
  bobAddress = await meshAddress(mesh.alice, 'bob')
  await mesh.alice.pings(bobAddress)
})

afterAll(async () => {
  await lab?.stop()
})

test('where nothing that looks like WireGuard passes, packets go over a data channel', async () => {
  await lab.set('wan-a', { dropWireguard: true })
  await mesh.alice.host.waitFor(
    async () => (await mesh.alice.host.exec(['ping', '-c', '1', '-W', '1', bobAddress])).code === 0,
    { deadlineMs: 30_000, what: 'bob answers over a data channel', pollMs: 100 },
  )
  const { why } = await mesh.alice.reaches('bob', 'channel')
  expect(why).toMatch(/^over a data channel \(WebRTC\): .* drops what looks like WireGuard$/)
})
