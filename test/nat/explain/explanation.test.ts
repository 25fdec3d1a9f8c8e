// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../../nat/address.ts'
import {
  type FilteringBehaviour,
  type MappingBehaviour,
  UNKNOWN_NAT,
} from '../../../nat/behaviour.ts'
import { explain } from '../../../nat/explain/explanation.ts'
import type { ObstacleKind } from '../../../nat/explain/obstacle.ts'
import type { HostFacts, PairFacts } from '../../../nat/explain/pair-facts.ts'
import { judgeSearch, type SearchSide } from '../../../nat/search/birthday.ts'

const at = (text: string) => text as TransportAddress

const MAPPINGS: readonly MappingBehaviour[] = [
  'unknown',
  'none',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
  'udp-blocked',
]
const FILTERINGS: readonly FilteringBehaviour[] = [
  'unknown',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
]

/** Ports at which servers see a host of that kind. */
function portsOf(mapping: MappingBehaviour): number[] {
  if (mapping === 'none' || mapping === 'udp-blocked') return []
  return mapping.endsWith('-dependent') && mapping.startsWith('address') ? [40001, 52847] : [40001]
}

function host(name: string, ip: string, nat: HostFacts['nat']): HostFacts {
  const reflexive = portsOf(nat.mapping).map(
    (port) => ({ kind: 'server-reflexive', address: at(`${ip}:${port}`) }) as const,
  )
  const candidates = [{ kind: 'host', address: at('192.168.1.10:41820') } as const, ...reflexive]
  return { name, nat, port: 41_820, candidates }
}

const alice = (mapping: MappingBehaviour, filtering: FilteringBehaviour = 'unknown') =>
  host('alice', '203.0.113.5', { mapping, filtering, lifetimeMs: null })
const bob = (mapping: MappingBehaviour, filtering: FilteringBehaviour = 'unknown') =>
  host('bob', '203.0.113.9', { mapping, filtering, lifetimeMs: null })

function pair(own: HostFacts, peer: HostFacts, changes: Partial<PairFacts> = {}): PairFacts {
  return {
    own,
    peer,
    path: { kind: 'relay', via: 'hub', rttMs: 40 },
    checks: [{ address: at('203.0.113.9:40001'), kind: 'server-reflexive', state: 'failed' }],
    isResting: true,
    onTrial: undefined,
    carriesNothing: false,
    turn: [],
    hubs: 2,
    search: { verdict: { ok: false, error: 'not-needed' }, attempts: 0, isUnderWay: false },
    ...changes,
  }
}

const [U, F, ONE, BOTH, NO] = [
  'unknown',
  'filtered',
  'one-symmetric',
  'both-symmetric',
  'udp-blocked',
] as const satisfies readonly ObstacleKind[]
/** Rows: alice's mapping, columns: bob's, in the order of MAPPINGS; filtering is unknown, as it is today. */
const OBSTACLES: readonly (readonly ObstacleKind[])[] = [
  [U, U, U, ONE, ONE, NO],
  [U, F, F, ONE, ONE, NO],
  [U, F, F, ONE, ONE, NO],
  [ONE, ONE, ONE, BOTH, BOTH, NO],
  [ONE, ONE, ONE, BOTH, BOTH, NO],
  [NO, NO, NO, NO, NO, NO],
]

describe('the rule that keeps two hosts apart', () => {
  const cells = MAPPINGS.flatMap((a, row) =>
    MAPPINGS.map((b, column) => [a, b, OBSTACLES[row]![column]!] as const),
  )
  it.each(cells)('%s and %s: %s', (a, b, kind) => {
    const { obstacle, sentence, remedies } = explain(pair(alice(a), bob(b)))
    expect(obstacle?.kind).toBe(kind)
    expect(sentence).toBe(`relayed over hub: ${obstacle?.sentence}`)
    expect(remedies.length).toBeGreaterThan(0)
  })

  it.each(FILTERINGS)('a symmetric NAT and one whose filtering is %s', (filtering) => {
    const facts = pair(alice('address-and-port-dependent'), bob('endpoint-independent', filtering))
    const isOpen = filtering === 'endpoint-independent' || filtering === 'address-dependent'
    expect(explain(facts).obstacle?.kind).toBe(isOpen ? F : ONE)
  })

  it('names the ports that show it, and what would help on either side', () => {
    const strict = bob('endpoint-independent', 'address-and-port-dependent')
    const { sentence, remedies } = explain(pair(alice('address-and-port-dependent'), strict))
    expect(sentence).toBe(
      "relayed over hub: alice's NAT gives each destination a new port (symmetric: 203.0.113.5:40001, :52847) " +
        "and bob's lets in only who was written to: a plain punch cannot work",
    )
    expect(remedies).toEqual([
      "forward UDP 41820 on alice's router",
      "forward UDP 41820 on bob's router",
      "enable PCP or UPnP on alice's router",
      "enable PCP or UPnP on bob's router",
    ])
  })

  it('speaks of a firewall, not of a router, where nothing is translated', () => {
    const { remedies } = explain(pair(alice('address-dependent'), bob('none')))
    expect(remedies).toContain("allow UDP 41820 in bob's firewall")
    expect(remedies.join()).not.toContain("bob's router")
  })

  it('is the missing hairpin if both hosts share an address', () => {
    const nat = { ...UNKNOWN_NAT, mapping: 'endpoint-independent' } as const
    const neighbour = host('bob', '203.0.113.5', nat)
    const { obstacle, remedies } = explain(pair(alice('endpoint-independent'), neighbour))
    expect(obstacle?.kind).toBe('no-hairpin')
    expect(remedies[0]).toContain('hairpin')
  })

  it('is that the peer names no address, if it does not', () => {
    const facts = pair(alice('endpoint-independent'), bob('endpoint-independent'), { checks: [] })
    expect(explain(facts).obstacle?.kind).toBe('nothing-offered')
  })
})

/** What a host's record tells a search. */
function searching({ name, nat, candidates }: HostFacts): SearchSide {
  return { node: name, mapping: nat.mapping, candidates, takesPart: true }
}

describe('an explanation', () => {
  const soft = [alice('endpoint-independent'), bob('endpoint-independent')] as const

  it('of a direct path says which address was proven, and has nothing to add', () => {
    const path = { kind: 'direct', endpoint: '203.0.113.9:40001', isPunched: false } as const
    expect(explain(pair(...soft, { path }))).toEqual({
      sentence: 'direct to the address that its NAT gives it, proven by round trips',
      obstacle: undefined,
      remedies: [],
    })
  })

  it('of a punched path says so', () => {
    const path = { kind: 'direct', endpoint: '203.0.113.9:40001', isPunched: true } as const
    expect(explain(pair(...soft, { path })).sentence).toContain(
      'from a socket that a search has punched',
    )
  })

  it.each([
    [{ attempts: 0, isUnderWay: false }, 'begins soon'],
    [{ attempts: 1, isUnderWay: true }, 'is under way'],
    [{ attempts: 1, isUnderWay: false }, '1 of 5 searches with'],
    [{ attempts: 5, isUnderWay: false }, '5 of 5 searches with'],
  ])('tells where the searches for a hard NAT stand: %j', (progress, text) => {
    const [own, peer] = [alice('address-and-port-dependent'), bob('endpoint-independent')]
    const verdict = judgeSearch(searching(own), searching(peer))
    const { sentence } = explain(pair(own, peer, { search: { verdict, ...progress } }))
    expect(sentence).toContain(text)
    expect(sentence).toContain('256 sockets and 1,024 probes (98 % likely to meet)')
  })

  it('says so if no search is made because a host was told not to', () => {
    const [own, peer] = [alice('address-and-port-dependent'), bob('endpoint-independent')]
    const verdict = judgeSearch(searching(own), { ...searching(peer), takesPart: false })
    const search = { verdict, attempts: 0, isUnderWay: false }
    expect(explain(pair(own, peer, { search })).sentence).toContain('birthday_search = false')
  })

  it('gives no reason while addresses are still being checked', () => {
    const address = at('203.0.113.9:40001')
    const checks = [{ address, kind: 'server-reflexive', state: 'in-progress' }] as const
    const { sentence, obstacle } = explain(pair(...soft, { checks, isResting: false }))
    expect(sentence).toBe('relayed over hub: 1 of 1 address still being checked')
    expect(obstacle).toBeUndefined()
  })

  it('of a data channel says that the network drops WireGuard, also while addresses are checked again', () => {
    const path = { kind: 'channel', via: 'somebody', rttMs: 12 } as const
    const facts = pair(...soft, { path, carriesNothing: true, isResting: false })
    const { sentence, obstacle, remedies } = explain(facts)
    expect(sentence).toBe(
      'over a data channel (WebRTC): a network between alice and bob lets probes pass and drops what looks like WireGuard',
    )
    expect(obstacle?.kind).toBe('wireguard-dropped')
    expect(remedies).toContain("let WireGuard (UDP) pass in alice's network")
  })

  it('asks for a nearer hub if the detour is long, and for any hub if there is none', () => {
    const far = { path: { kind: 'relay', via: 'tokyo', rttMs: 260 } } as const
    expect(explain(pair(...soft, far)).remedies.at(-1)).toContain('nearer than tokyo')
    const turn = { path: { kind: 'turn', via: 'rent', rttMs: 260 } } as const
    expect(explain(pair(...soft, turn)).remedies.at(-1)).toContain('nearer than TURN server rent')
    const near = { path: { kind: 'relay', via: 'osaka', rttMs: 100 } } as const
    expect(explain(pair(...soft, near)).remedies.join()).not.toContain('nearer')
    const none = explain(pair(...soft, { path: { kind: 'none' }, hubs: 0 }))
    expect(none.sentence).toMatch(/^no path, and no hub is reached: /)
    expect(none.remedies.at(-2)).toContain('relay')
    expect(none.remedies.at(-1)).toBe('give alice a TURN server: [[turn]] in its configuration')
  })

  it('asks for a TURN server that gets through, or to mend the one that there is', () => {
    const blocked = [alice('udp-blocked'), bob('none')] as const
    const remedies = (turn: PairFacts['turn']) =>
      explain(pair(...blocked, { path: { kind: 'none' }, turn, hubs: 0 })).remedies.at(-1)
    expect(remedies([])).toBe(
      'give alice a TURN server that speaks TLS on port 443: [[turn]] in its configuration',
    )
    const broken = { id: 'frankfurt', isUp: false, trouble: 'no answer within 5 s' }
    expect(remedies([broken])).toBe('mend TURN server frankfurt: no answer within 5 s')
    const over = { kind: 'turn', via: 'frankfurt', rttMs: 40 } as const
    const working = { id: 'frankfurt', isUp: true, trouble: undefined }
    const carried = explain(pair(...blocked, { path: over, turn: [working], hubs: 0 }))
    expect(carried.sentence).toMatch(
      /^relayed over TURN \(frankfurt\): alice's network lets no UDP/,
    )
    expect(carried.remedies).toEqual(["allow UDP out of alice's network"])
  })

  it('does not tell to enable port mapping where the router forwards a port already', () => {
    const mapped = bob('endpoint-independent')
    const granted = { kind: 'mapped', address: at('203.0.113.9:41820') } as const
    const candidates = [...mapped.candidates, granted]
    const { remedies } = explain(pair(alice('address-dependent'), { ...mapped, candidates }))
    expect(remedies).not.toContain("enable PCP or UPnP on bob's router")
  })
})
