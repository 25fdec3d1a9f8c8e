// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  DescriptionError,
  parseDescription,
  readDescription,
} from '../../netns-lab/description-file.ts'
import { planLab } from '../../netns-lab/plan-lab.ts'

function faultsOf(description: object): Record<string, string> {
  try {
    parseDescription(description)
  } catch (error) {
    if (error instanceof DescriptionError) {
      return Object.fromEntries(error.faults.map(({ field, remedy }) => [field, remedy]))
    }
    throw error
  }
  return {}
}

describe('a faulty description', () => {
  test('has every faulty field named at once, with its value and a remedy', () => {
    const faulty = {
      hosts: {
        alice: { behind: 7, link: { delayMs: -1, lossPercent: 101, rate: 5 } },
        'Bob!': {},
      },
      nats: { home: { kind: 'round' }, other: {} },
      services: { stun: { kind: 'coturn' }, web: { kind: 'http' } },
    }
    expect(Object.keys(faultsOf(faulty)).toSorted()).toEqual([
      'hosts.Bob!',
      'hosts.alice.behind',
      'hosts.alice.link.delayMs',
      'hosts.alice.link.lossPercent',
      'hosts.alice.link.rate',
      'nats.home.kind',
      'nats.other.kind',
      'services.stun.on',
      'services.web.kind',
    ])
    expect(() => parseDescription(faulty, 'my.toml')).toThrow(
      /my\.toml has 9 fault\(s\):[^]*hosts\.alice\.link\.delayMs = -1: give milliseconds, 0 or more/,
    )
  })

  test('has every faulty relation named at once', () => {
    const faults = faultsOf({
      hosts: {
        alice: { behind: 'nowhere' },
        home: {},
        bob: { behind: 'ring-a', address: '10.0.0.1', link: { name: 'same' } },
        carol: { address: '203.0.113.1', link: { name: 'same' } },
        dave: { address: '203.0.113.50' },
        erin: { address: '203.0.113.50', uplinks: [{}] },
        gina: { link: { name: 'frank' } },
        frank: { link: { emulate: false, delayMs: 5 } },
      },
      nats: {
        home: { kind: 'dmz', dmzHost: 'dave' },
        'ring-a': { kind: 'symmetric', behind: 'ring-b', lan: '192.168.7.0/24' },
        'ring-b': { kind: 'firewall', behind: 'ring-a' },
      },
      services: { stun: { kind: 'coturn', on: 'nobody' } },
      internet: { ipv6: 'fd00:1:2:3::/64' },
    })
    expect(Object.keys(faults).toSorted()).toEqual([
      'hosts.alice.behind',
      'hosts.bob.address',
      'hosts.carol.address',
      'hosts.carol.link.name',
      'hosts.erin.uplinks',
      'hosts.frank.link.emulate',
      'hosts.gina.link.name',
      'internet.ipv6',
      'nats.home',
      'nats.home.dmzHost',
      'nats.ring-a.behind',
      'nats.ring-b.behind',
      'nats.ring-b.kind',
      'services.stun.on',
    ])
  })

  test('has faults of fields and of relations named together', () => {
    const faults = faultsOf({
      hosts: { alice: { behind: 'nowhere', colour: 'red' }, bob: { behind: 'home' } },
      nats: { home: { kind: 'round' } },
    })
    expect(Object.keys(faults)).toEqual([
      'hosts.alice.colour',
      'nats.home.kind',
      'hosts.alice.behind',
    ])
  })

  test('that is not TOML is told with its line', async () => {
    const directory = mkdtempSync(`${tmpdir()}/description-`)
    writeFileSync(`${directory}/broken.toml`, '[hosts.alice]\nbehind = \n')
    await expect(readDescription(`${directory}/broken.toml`)).rejects.toThrow(/not TOML[^]*2/)
    rmSync(directory, { recursive: true })
    await expect(readDescription(`${directory}/gone.toml`)).rejects.toThrow('no such file')
  })
})

describe('a plan', () => {
  test('gives public hosts and NATs addresses of the internet, and LANs that overlap', () => {
    const plan = planLab(
      parseDescription({
        hosts: { hub: {}, alice: { behind: 'a' }, bob: { behind: 'b' }, eve: { behind: 'b' } },
        nats: { a: { kind: 'port-restricted' }, b: { kind: 'symmetric' } },
      }),
      'demo',
    )
    const addresses = Object.fromEntries(
      plan.hosts.map(({ name, uplinks }) => [name, uplinks[0]?.addresses]),
    )
    expect(addresses).toEqual({
      hub: ['203.0.113.11'],
      alice: ['192.168.1.10'],
      bob: ['192.168.1.10'],
      eve: ['192.168.1.11'],
    })
    expect(plan.nats.map(({ uplink }) => uplink.addresses[0])).toEqual([
      '203.0.113.12',
      '203.0.113.13',
    ])
    expect(plan.links.map(({ name }) => name)).toEqual([
      'hub-internet',
      'alice-a',
      'bob-b',
      'eve-b',
      'a-internet',
      'b-internet',
    ])
  })

  test('does not give away an address that the description names', () => {
    const plan = planLab(
      parseDescription({ hosts: { one: {}, two: { address: '203.0.113.11' }, three: {} } }),
      'lab',
    )
    expect(plan.hosts.flatMap(({ uplinks }) => uplinks[0]?.addresses)).toEqual([
      '203.0.113.12',
      '203.0.113.11',
      '203.0.113.13',
    ])
  })

  test('puts a NAT behind a NAT into that one’s LAN, in whichever order they are written', () => {
    const { nats } = planLab(
      parseDescription({
        hosts: { alice: { behind: 'home' } },
        nats: {
          home: { kind: 'port-restricted', behind: 'carrier' },
          carrier: { kind: 'symmetric', lan: '100.64.0.0/16' },
        },
      }),
      'lab',
    )
    expect(nats[0]?.uplink).toMatchObject({
      upstream: 'carrier',
      addresses: ['100.64.0.10'],
      gateway: '100.64.0.1',
      prefixLength: 16,
    })
  })

  test('gives a host with two uplinks an interface for each', () => {
    const { hosts, links } = planLab(
      parseDescription({
        hosts: { alice: { uplinks: [{ behind: 'home' }, { link: { delayMs: 40 } }] } },
        nats: { home: { kind: 'port-restricted' } },
      }),
      'lab',
    )
    expect(hosts[0]?.uplinks.map(({ device }) => device)).toEqual(['eth0', 'eth1'])
    expect(links.map(({ name }) => name)).toEqual(['alice-home', 'alice-internet', 'home-internet'])
  })

  test('gives IPv6 to whoever wants it, and a /64 to a site', () => {
    const { hosts, nats } = planLab(
      parseDescription({
        hosts: {
          hub: { ipv6: true },
          alice: { behind: 'home' },
          bob: { behind: 'home', ipv6: false },
        },
        nats: { home: { kind: 'port-restricted', ipv6: 'firewall' } },
      }),
      'lab',
    )
    const [hub, alice, bob] = hosts.map(({ uplinks }) => uplinks[0]?.ipv6)
    expect(hub).toEqual({ addresses: ['2001:db8:2::10'], gateway: 'fe80::1' })
    expect(nats[0]?.ipv6Site).toBe('2001:db8:1')
    expect(alice).toEqual({ addresses: ['2001:db8:1::b'], gateway: '2001:db8:1::1' })
    expect(bob).toBeUndefined()
  })

  test('says which prefix to widen when addresses run out', () => {
    const hosts = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`h${index}`, {}]))
    const description = parseDescription({ internet: { ipv4: '203.0.113.0/28' }, hosts })
    expect(() => planLab(description, 'lab')).toThrow('internet.ipv4')
  })
})

test('every example is a sound description', async () => {
  const examples = fileURLToPath(new URL('../../netns-lab/examples/', import.meta.url))
  for (const file of readdirSync(examples)) {
    const description = await readDescription(`${examples}${file}`)
    expect(planLab(description, 'example').hosts.length).toBeGreaterThan(0)
  }
})
