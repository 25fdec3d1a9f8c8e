// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh, steadyPing } from './mesh.ts'

/** What happens to a pair that is connected directly while it works: traffic goes on, and the pair is direct again by itself. */
let lab: Lab
let mesh: Record<'hub' | 'other' | 'alice' | 'bob', Member>
let bobAddress: string

beforeAll(async () => {
  lab = await startLab({
    name: 'changes',
    hosts: { hub: {}, other: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted', link: { name: 'wan-b' } },
      cafe: { kind: 'port-restricted' },
    },
  })
  mesh = await startMesh(lab, ['hub', 'other', 'alice', 'bob'])
  await mesh.alice.reaches('bob')
  await mesh.bob.reaches('alice')
  bobAddress = await meshAddress(mesh.alice, 'bob')
})

afterAll(async () => {
  await lab?.stop()
})

/** Traffic of alice to bob while `disaster` strikes and until the pair is direct again; resolves to the longest gap. */
async function through(disaster: () => Promise<void>, deadlineMs: number): Promise<number> {
  const ping = await steadyPing(mesh.alice.host, bobAddress)
  const t0 = Date.now()
  await disaster()
  await ping.answers(20, deadlineMs)
  const t1 = Date.now()
  await directAgain(deadlineMs)
  const t2 = Date.now()
  const { longestGapMs } = await ping.stop()
  console.log('answered after', t1 - t0, 'direct after', t2 - t0, 'gap', longestGapMs)
  return longestGapMs
}

async function directAgain(deadlineMs: number): Promise<void> {
  await mesh.alice.reaches('bob', 'direct', deadlineMs)
  await mesh.bob.reaches('alice', 'direct', deadlineMs)
}

test('when a NAT restarts, traffic goes on over a hub until the pair is direct again', async () => {
  expect(await through(() => lab.set('home-a', { reboot: true }), 40_000)).toBeLessThan(5_000)
})

test('when a NAT gets another public address, traffic goes on', async () => {
  const address = '203.0.113.77'
  expect(await through(() => lab.set('home-a', { address }), 40_000)).toBeLessThan(5_000)
  expect((await mesh.bob.peer('alice')).path.endpoint).toMatch(/^203\.0\.113\.77:/)
})

test('a host that moves to another network is found there', async () => {
  expect(await through(() => lab.set('alice', { behind: 'cafe' }), 40_000)).toBeLessThan(10_000)
  await lab.set('alice', { behind: 'home-a' })
  await directAgain(40_000)
})
