// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh, steadyPing } from './mesh.ts'

/** What happens to a pair that is connected directly while it works: traffic goes on, and the pair is direct again by itself. */
let lab: Lab
let mesh: Record<'hub' | 'other' | 'alice' | 'bob' | 'tom', Member>
let bobAddress: string
let tomAddress: string
let silentSince: number

beforeAll(async () => {
  lab = await startLab({
    name: 'changes',
    hosts: {
      hub: {},
      other: {},
      alice: { behind: 'home-a' },
      bob: { behind: 'home-b' },
      tom: { behind: 'forgetful' },
    },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted' },
      cafe: { kind: 'port-restricted' },
      forgetful: { kind: 'port-restricted', mappingLifetimeS: 10 },
    },
  })
  mesh = await startMesh(lab, ['hub', 'other', 'alice', 'bob', 'tom'])
  await mesh.bob.reaches('tom')
  tomAddress = await meshAddress(mesh.bob, 'tom')
  await mesh.bob.pings(tomAddress)
  silentSince = performance.now()
  await directAgain(20_000)
  bobAddress = await meshAddress(mesh.alice, 'bob')
})

afterAll(async () => {
  await lab?.stop()
})

async function directAgain(deadlineMs: number): Promise<void> {
  await mesh.alice.reaches('bob', 'direct', deadlineMs)
  await mesh.bob.reaches('alice', 'direct', deadlineMs)
}

/** Traffic of alice to bob while something happens; resolves to the longest time without an answer. */
async function whilePinging(happens: () => Promise<void>): Promise<number> {
  const ping = await steadyPing(mesh.alice.host, bobAddress)
  await happens()
  await ping.answers(5, 10_000)
  const { longestGapMs } = await ping.stop()
  return longestGapMs
}

/** From one site of the internet to another nothing passes; the hubs reach both. */
async function cutOff(from: string, to: string): Promise<void> {
  const drop = `add rule ip oneway forward ip saddr ${from} ip daddr ${to} drop`
  const chain = 'add chain ip oneway forward { type filter hook forward priority -10; }'
  await lab.host('internet').run(['nft', `add table ip oneway; ${chain}; ${drop}`])
}

async function heal(): Promise<void> {
  await lab.host('internet').run(['nft', 'delete table ip oneway'])
}

async function goesOver(kind: 'relay' | 'direct'): Promise<void> {
  await mesh.alice.reaches('bob', kind, 30_000)
  await mesh.bob.reaches('alice', kind, 30_000)
}

test.for([
  ['to the other', true, false],
  ['from the other', false, true],
  ['either way', true, true],
] as const)(
  'when no packet gets %s host any more, traffic goes on over a hub, and directly after healing',
  async ([, out, back]) => {
    const [a, b] = [lab.host('home-a').address, lab.host('home-b').address]
    const gapMs = await whilePinging(async () => {
      if (out) await cutOff(a, b)
      if (back) await cutOff(b, a)
      await goesOver('relay')
      await heal()
      await goesOver('direct')
    })
    expect(gapMs).toBeLessThan(5_000)
  },
)

test('where a network lets probes pass and drops WireGuard, traffic goes over a hub', async () => {
  const gapMs = await whilePinging(async () => {
    await lab.set('wan-a', { dropWireguard: true })
    await goesOver('relay')
    await lab.set('wan-a', { dropWireguard: false })
    await goesOver('direct')
  })
  expect(gapMs).toBeLessThan(8_000)
})

test('when a NAT restarts, traffic goes on until the pair is direct again by a new mapping', async () => {
  await goesOver('direct')
  const { endpoint } = (await mesh.bob.peer('alice')).path
  const gapMs = await whilePinging(async () => {
    await lab.set('home-a', { reboot: true })
    // Over a hub meanwhile, or for so short a time that nobody sees it.
    await mesh.bob.host.waitFor(
      async () => {
        const { path } = await mesh.bob.peer('alice')
        return path.kind === 'direct' && path.endpoint !== endpoint
      },
      { deadlineMs: 30_000, what: 'alice is reached by a new mapping', pollMs: 200 },
    )
    await goesOver('direct')
  })
  expect(gapMs).toBeLessThan(5_000)
})

test('when a NAT gets another public address, traffic goes on until the pair is direct again', async () => {
  const address = '203.0.113.77'
  const gapMs = await whilePinging(async () => {
    await lab.set('home-a', { address })
    await mesh.bob.host.waitFor(
      async () => (await mesh.bob.peer('alice')).path.endpoint?.startsWith(`${address}:`),
      { deadlineMs: 30_000, what: 'alice is reached at the new address', pollMs: 200 },
    )
    await goesOver('direct')
  })
  expect(gapMs).toBeLessThan(2_000)
})

test('a host that moves to another network is found there', async () => {
  const cafe = lab.host('cafe').address
  const gapMs = await whilePinging(async () => {
    await lab.set('alice', { behind: 'cafe' })
    await mesh.bob.host.waitFor(
      async () => (await mesh.bob.peer('alice')).path.endpoint?.startsWith(`${cafe}:`),
      { deadlineMs: 30_000, what: 'alice is reached in the cafe', pollMs: 200 },
    )
    await goesOver('direct')
  })
  expect(gapMs).toBeLessThan(10_000)
})

test('a host behind a NAT that forgets after 10 s is reached from outside at once after 40 s of silence', async () => {
  const { nat } = await mesh.tom.host.waitFor(
    async () => {
      const { self } = await mesh.tom.status()
      return self.nat.lifetimeMs === null ? undefined : self
    },
    { deadlineMs: 40_000, what: 'tom knows how long his NAT keeps a mapping' },
  )
  expect(nat.lifetimeMs).toBe(9_000)
  await mesh.bob.host.waitFor(() => performance.now() - silentSince > 40_000, {
    deadlineMs: 40_000,
    what: '40 s of silence',
  })
  await mesh.bob.host.run(['ping', '-c', '1', '-W', '2', tomAddress])
  expect((await mesh.bob.peer('tom')).path.kind).toBe('direct')
})
