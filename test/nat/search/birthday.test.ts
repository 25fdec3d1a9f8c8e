// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressParts, transportAddress } from '../../../nat/address.ts'
import type { MappingBehaviour } from '../../../nat/behaviour.ts'
import type { CandidateKind } from '../../../nat/candidate.ts'
import {
  birthdayChance,
  judgeSearch,
  type Prospect,
  type SearchSide,
} from '../../../nat/search/birthday.ts'
import { PORT_MIN, SWEEP_PROBES } from '../../../nat/search/constants.ts'
import { drawEndpoints } from '../../../nat/search/port-draw.ts'
import { SeededRandom } from '../../sim/seeded-random.ts'
import { at } from '../literal.ts'

/** `host 192.168.1.10:41820` or, for what servers saw, the address alone. */
function side(node: string, mapping: MappingBehaviour, ...candidates: string[]): SearchSide {
  return {
    node,
    mapping,
    takesPart: true,
    candidates: candidates.map((text) => {
      const [address, kind = 'server-reflexive'] = text.split(' ').toReversed()
      return { kind: kind as CandidateKind, address: at(address!) }
    }),
  }
}

const dependent = 'address-and-port-dependent'
const symmetric = side(
  'a',
  dependent,
  'host 192.168.1.10:41820',
  '203.0.113.1:2000',
  '203.0.113.1:52000',
)
const sequential = side(
  'a',
  dependent,
  'host 192.168.1.10:41820',
  '203.0.113.1:40003',
  '203.0.113.1:40007',
)
const easy = side('b', 'endpoint-independent', 'host 192.168.1.10:41820', '203.0.113.2:7000')
const firewalled = side('b', 'none', 'host 10.0.0.1:41820', 'host 192.0.2.9:41820')
const entropy = () => new SeededRandom(1, 'ports').entropy

function prospect(own: SearchSide, peer: SearchSide): Prospect {
  const verdict = judgeSearch(own, peer)
  if (!verdict.ok) throw new Error(verdict.error)
  return verdict.value
}

function error(own: SearchSide, peer: SearchSide): string | undefined {
  const verdict = judgeSearch(own, peer)
  return verdict.ok ? undefined : verdict.error
}

describe('who searches how', () => {
  it('the hard side spreads and the easy side sweeps, and both know it by themselves', () => {
    expect(prospect(symmetric, easy)).toMatchObject({
      kind: 'birthday',
      task: 'spread',
      sockets: 256,
      target: '203.0.113.2:7000',
    })
    expect(prospect(easy, symmetric)).toMatchObject({
      kind: 'birthday',
      task: 'sweep',
      addresses: ['203.0.113.1'],
    })
  })

  it('a host behind a firewall is met at its own public address', () => {
    expect(prospect(symmetric, firewalled).target).toBe('192.0.2.9:41820')
  })

  it('a mapping for each address is as hard as one for each port', () => {
    const byAddress = { ...symmetric, mapping: 'address-dependent' } as const
    expect(prospect(byAddress, easy)).toMatchObject({ kind: 'birthday', task: 'spread' })
  })

  it('ports that are given out in sequence are predicted, with few sockets', () => {
    expect(prospect(sequential, easy)).toMatchObject({ kind: 'prediction', sockets: 16 })
    expect(prospect(easy, sequential)).toMatchObject({ kind: 'prediction', task: 'sweep' })
  })

  it('a pool of addresses is swept as a whole, also between those that were seen', () => {
    const pool = side('a', dependent, '203.0.113.64:9000', '203.0.113.67:3000')
    const { addresses, chance } = prospect(easy, pool)
    expect(addresses).toEqual([64, 65, 66, 67].map((last) => `203.0.113.${last}`))
    expect(chance).toBeCloseTo(0.64, 2)
    const far = side('a', dependent, '203.0.113.64:9000', '198.51.100.7:3000')
    expect(prospect(easy, far).addresses).toEqual(['198.51.100.7', '203.0.113.64'])
  })

  it.each([
    ['two easy hosts', easy, { ...easy, node: 'c' }, 'not-needed'],
    ['two hosts with random ports', symmetric, { ...symmetric, node: 'c' }, 'both-hard'],
    ['random and sequential ports', symmetric, { ...sequential, node: 'c' }, 'both-hard'],
    ['a peer whose NAT is not known', symmetric, { ...easy, mapping: 'unknown' }, 'not-known'],
    ['a peer without UDP', symmetric, { ...easy, mapping: 'udp-blocked' }, 'not-known'],
    ['a hard host that nobody has seen', { ...symmetric, candidates: [] }, easy, 'not-known'],
    ['a peer that takes no part', symmetric, { ...easy, takesPart: false }, 'disabled'],
    [
      'two hosts behind one router',
      symmetric,
      side('b', 'endpoint-independent', '203.0.113.1:7000'),
      'one-router',
    ],
  ] as const)('nothing is searched between %s', (_, own, peer, why) => {
    expect(error(own, peer)).toBe(why)
    expect(error(peer, own)).toBe(why)
  })

  it('the ground of a search is the same for both, and another one if a NAT gets another address', () => {
    const epoch = (own: SearchSide, peer: SearchSide) => prospect(own, peer).epoch
    expect(epoch(symmetric, easy)).toBe(epoch(easy, symmetric))
    const other = {
      ...sequential,
      node: 'b',
      candidates: side('b', dependent, '203.0.113.9:4001', '203.0.113.9:4003').candidates,
    }
    expect(epoch(sequential, other)).toBe(epoch(other, sequential))
    const laterPorts = side('a', dependent, '203.0.113.1:3333', '203.0.113.1:9999')
    expect(epoch(laterPorts, easy)).toBe(epoch(symmetric, easy))
    const moved = side('b', 'endpoint-independent', '203.0.113.2:7001')
    expect(epoch(symmetric, moved)).not.toBe(epoch(symmetric, easy))
  })
})

describe('the addresses that are tried', () => {
  it('the hard side sends to the one address of the easy side', () => {
    expect(drawEndpoints(prospect(symmetric, easy), entropy())).toEqual(['203.0.113.2:7000'])
  })

  it('the easy side draws 1,024 different ports, none of them well-known', () => {
    const endpoints = drawEndpoints(prospect(easy, symmetric), entropy())
    expect(new Set(endpoints).size).toBe(SWEEP_PROBES)
    for (const endpoint of endpoints) {
      const { ip, port } = addressParts(endpoint)
      expect(ip).toBe('203.0.113.1')
      expect(port).toBeGreaterThanOrEqual(PORT_MIN)
    }
  })

  it('a pool gets the probes in equal parts', () => {
    const pool = side('a', dependent, '203.0.113.64:9000', '203.0.113.67:3000')
    const endpoints = drawEndpoints(prospect(easy, pool), entropy())
    const byIp = Map.groupBy(endpoints, (endpoint) => addressParts(endpoint).ip)
    expect([...byIp.values()].map(({ length }) => length)).toEqual([256, 256, 256, 256])
  })

  it('a sequence is tried from where it was seen last', () => {
    const ports = drawEndpoints(prospect(easy, sequential), entropy()).map(
      (endpoint) => addressParts(endpoint).port,
    )
    expect(ports.slice(0, 3)).toEqual([40_008, 40_009, 40_010])
    expect(ports.at(-1)).toBe(39_987)
    expect(ports).not.toContain(40_003)
    expect(new Set(ports).size).toBe(ports.length)
  })

  it('meets as often as the birthday paradox says', () => {
    const random = new SeededRandom(7, 'meet')
    const search = prospect(easy, symmetric)
    let met = 0
    for (let run = 0; run < 60; run++) {
      const open = new Set<number>()
      while (open.size < 256) open.add(random.integer(PORT_MIN, 65_535))
      const ports = drawEndpoints(search, random.entropy).map((e) => addressParts(e).port)
      if (ports.some((port) => open.has(port))) met += 1
    }
    expect(search.chance).toBeGreaterThan(0.98)
    expect(met / 60).toBeGreaterThan(0.95)
  })

  it('two sequences cross, however far each has gone on since it was seen', () => {
    const ahead = fc.integer({ min: 0, max: 40 })
    fc.assert(
      fc.property(ahead, ahead, fc.integer({ min: PORT_MIN + 200, max: 60_000 }), (a, b, port) => {
        const one = run('a', '203.0.113.1', 40_000)
        const two = run('b', '203.0.113.2', port)
        const [sentByOne, sentByTwo] = [prospect(one, two), prospect(two, one)].map((p) =>
          drawEndpoints(p, entropy()).map((endpoint) => addressParts(endpoint).port),
        )
        // Each probe takes the sender's next port.
        const meets = sentByOne!.some(
          (to, i) => sentByTwo![to - (port + 3 + b)] === 40_000 + 3 + a + i,
        )
        expect(meets).toBe(true)
      }),
    )
  })
})

it('the chance is what the birthday paradox says', () => {
  expect(birthdayChance(256, 1_024)).toBeCloseTo(0.983, 3)
  expect(birthdayChance(84, 700)).toBeCloseTo(0.6, 1)
})

function run(node: string, ip: string, first: number): SearchSide {
  const seen = [0, 2].map((i) => transportAddress(ip, first + i))
  return side(node, dependent, ...seen.flatMap((address) => (address.ok ? [address.value] : [])))
}
