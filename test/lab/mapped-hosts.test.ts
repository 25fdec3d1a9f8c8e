// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** Hosts whose router forwards ports for them: miniupnpd in the router, the built product on the host. */
interface MappedStatus {
  readonly self: {
    readonly dialAddresses: readonly string[]
    readonly nat: {
      readonly portMapping: { readonly protocol: string; readonly external: string } | null
      readonly whyNoPortMapping: string | null
    }
  }
}

let lab: Lab
let hub: Member
let alice: Member
let bob: Member

beforeAll(async () => {
  lab = await startLab({
    name: 'mapped-hosts',
    hosts: { hub: {}, alice: { behind: 'home' }, bob: { behind: 'hard' } },
    nats: {
      home: { kind: 'symmetric', portMapping: ['pcp'] },
      hard: { kind: 'symmetric' },
    },
  })
  ;({ hub, alice, bob } = await startMesh(lab, ['hub', 'alice', 'bob']))
})

afterAll(async () => {
  await lab?.stop()
})

/** Waits until the router forwards by this protocol, and gives the external address. */
async function mappedBy(member: Member, protocol: string): Promise<string> {
  return member.host.waitFor(
    async () => {
      const { nat } = (await member.json<MappedStatus>(['status'])).self
      if (nat.portMapping?.protocol !== protocol)
        throw new Error(nat.whyNoPortMapping ?? `mapped by ${nat.portMapping?.protocol}`)
      return nat.portMapping.external
    },
    { deadlineMs: 60_000, what: `ports mapped by ${protocol}`, pollMs: 200 },
  )
}

describe('a host behind a symmetric NAT whose router speaks PCP', () => {
  test('has its ports mapped, and offers them', async () => {
    expect(await mappedBy(alice, 'pcp')).toMatch(/^203\.0\.113\.\d+:\d+$/)
    // Offered once another member has got through.
    await alice.host.waitFor(
      async () => {
        const { dialAddresses } = (await alice.json<MappedStatus>(['status'])).self
        expect(dialAddresses).toHaveLength(1)
        return true
      },
      { deadlineMs: 15_000, what: 'the mapped address is offered', pollMs: 200 },
    )
    expect(await alice.do(['netcheck'])).toContain('PCP granted')
  })

  test('is reached directly from behind another symmetric NAT', async () => {
    const external = await mappedBy(alice, 'pcp')
    expect((await bob.reaches('alice')).path.endpoint).toBe(external)
    await alice.reaches('bob')
  })
})

test('a host whose router maps nothing says so', async () => {
  await bob.host.waitFor(
    async () => {
      const { nat } = (await bob.json<MappedStatus>(['status'])).self
      expect(nat.portMapping).toBeNull()
      expect(nat.whyNoPortMapping).toContain('speaks neither PCP nor NAT-PMP nor UPnP')
      return true
    },
    { deadlineMs: 30_000, what: 'no port is mapped', pollMs: 200 },
  )
})

test('a host with a global address asks for nothing', async () => {
  const { nat } = (await hub.json<MappedStatus>(['status'])).self
  expect(nat.whyNoPortMapping).toBe('this host has a global address of its own')
})

test.each([['nat-pmp'], ['upnp']] as const)(
  'a router that was replaced by one that speaks only %s maps the ports again',
  async (protocol) => {
    await lab.set('home', { portMapping: [protocol] })
    await alice.do(['netcheck', '--refresh'])
    const external = await mappedBy(alice, protocol)
    expect((await bob.reaches('alice')).path.endpoint).toBe(external)
  },
)

test('a router that talks nonsense does no harm', async () => {
  await lab.set('home', { portMapping: [], badPortMapping: 'nonsense' })
  await alice.do(['netcheck', '--refresh'])
  await alice.reaches('hub')
})

test('a host that ends gives its ports back', async () => {
  await lab.set('home', { badPortMapping: 'none', portMapping: ['pcp'] })
  await alice.do(['netcheck', '--refresh'])
  await mappedBy(alice, 'pcp')
  const rules = async () => lab.host('home').run(['nft', 'list', 'table', 'inet', 'miniupnpd'])
  expect(await rules()).toContain('dnat')
  const port = String((await alice.status()).self.listenPort)
  await alice.stop()
  expect(await rules()).not.toContain(port)
})
