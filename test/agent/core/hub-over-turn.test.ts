// SPDX-License-Identifier: Apache-2.0
/** Hubs of a host whose UDP does not get out: it reaches them over its TURN server, and peers over them. */
import { describe, expect, it } from 'vitest'
import type { HelperTurnServer } from '../../../agent/core/helper-contract.ts'
import { whyReport } from '../../../agent/core/why-report.ts'
import { planOf } from '../../../agent/core/want.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import { UNKNOWN_NAT } from '../../../nat/behaviour.ts'
import type { Candidate } from '../../../nat/candidate.ts'
import { directPath, relayPath } from '../../../topology/planned-path.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import type { Member } from '../../sim/membership.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const at = (text: string) => text as TransportAddress
const HUB: Candidate = { kind: 'host', address: at('198.51.100.1:41820') }
const POOL: Candidate = { kind: 'server-reflexive', address: at('203.0.113.50:40001') }
const RELAYED: Candidate = { kind: 'relayed', address: at('203.0.113.1:50000') }
const TO_HUB = `turn:frankfurt>${HUB.address}`

const up: HelperTurnServer = {
  id: 'frankfurt',
  transport: 'tls',
  state: 'up',
  cause: null,
  detail: null,
  relayed: RELAYED.address,
  rttUs: 12_000,
}
type One = ReturnType<typeof oneNode>

/** Answers all probes, or those to one endpoint. */
function answer({ run, helperEvent }: Pick<One, 'run' | 'helperEvent'>, only?: TransportAddress) {
  for (const { peer, endpoint, transaction } of ofKind(run(10_000), 'probe')) {
    if (only !== undefined && endpoint !== only) continue
    const observed = at('198.51.100.9:1')
    helperEvent({ method: 'probe-reply', peer, endpoint, transaction, rttUs: 1_000, observed })
  }
}

const server = {
  id: 'frankfurt',
  url: 'turns:turn.example',
  username: 'mesh',
  password: 'x',
} as const

/** A node with a hub and a peer that names it its home. */
function withHub(turn = [server], content: Partial<NodeRecord> = { candidates: [POOL] }) {
  const one = oneNode({ turn })
  const [hub, peer] = ['hub', 'peer'].map((name) => one.membership.admit(name)) as [Member, Member]
  one.connect([link('eth0', '192.168.1.2/24')])
  one.hear(one.recordOf(hub, { relay: true, candidates: [HUB] }))
  one.hear(one.recordOf(peer, { hubs: [hub.certificate.node], ...content }))
  if (turn.length > 0) one.helperEvent({ method: 'turn-changed', server: up })
  const pathsTo = ({ certificate }: Member) =>
    planOf(one.node, one.now())
      .peers.find(({ node }) => node === certificate.node)!
      .paths.map(({ id }) => id)
  const told = (member: Member, path: string, isUp: boolean) =>
    one.helperEvent(
      isUp
        ? { method: 'path-up', peer: member.helperName, path, rttUs: 30_000 }
        : { method: 'path-down', peer: member.helperName, path, reason: 'silence' },
    )
  return { ...one, hub, peer, pathsTo, told, overHub: relayPath([hub.certificate.node]).id }
}

describe('a hub that is reached over a TURN server only', () => {
  it('is a home, and leads to peers behind what the server alone may lead to', () => {
    const { node, hub, peer, pathsTo, told, overHub } = withHub()
    expect(pathsTo(hub)).toEqual([TO_HUB])
    expect(node.homeHubs).toEqual([])
    told(hub, TO_HUB, true)
    expect(node.homeHubs).toEqual([hub.certificate.node])
    expect(pathsTo(peer)).toEqual([`turn:frankfurt>${POOL.address}`, overHub])
    expect(node.hubs.links).toEqual([{ hub: hub.certificate.node, rttMs: 30 }])
    told(hub, TO_HUB, false)
    expect(pathsTo(peer)).toEqual([`turn:frankfurt>${POOL.address}`])
  })

  it('is told with the server in status and why, and without it once it is reached directly', () => {
    const one = withHub()
    const { node, hub, peer, told, overHub, now } = one
    told(hub, TO_HUB, true)
    told(peer, overHub, true)
    const tell = () => whyReport(node, node.peers.get(peer.certificate.node)!, now())
    const relayed = { kind: 'relay', via: 'hub', hubServer: 'frankfurt', endpoint: null }
    expect(tell().path).toMatchObject(relayed)
    const sentence = `relayed over hub, which ${node.config.certificate.name} reaches over TURN (frankfurt)`
    expect(tell().sentence).toContain(sentence)
    answer(one, HUB.address)
    expect(tell().path).toMatchObject({ kind: 'relay', via: 'hub', hubServer: null })
    expect(tell().sentence).not.toContain('TURN')
  })

  it('comes first again once a direct path to it is proven', () => {
    const one = withHub()
    const { node, hub, peer, pathsTo, told, overHub } = one
    told(hub, TO_HUB, true)
    answer(one, HUB.address)
    expect(pathsTo(hub)[0]).toBe(directPath({ endpoint: HUB.address }).id)
    expect(node.hubs.overTurn).toBe(false)
    expect(pathsTo(peer)[0]).toBe(overHub)
  })

  it('is no way where another one is reached directly', () => {
    const one = withHub()
    const { node, hub, told, hear, recordOf, membership } = one
    told(hub, TO_HUB, true)
    const near = membership.admit('near')
    const endpoint = at('198.51.100.2:41820')
    hear(recordOf(near, { relay: true, candidates: [{ kind: 'host', address: endpoint }] }))
    expect(node.hubs.links.map((each) => each.hub)).toEqual([hub.certificate.node])
    answer(one, endpoint)
    expect(node.hubs.links.map((each) => each.hub)).toEqual([near.certificate.node])
  })
})

describe('a peer that others reach over its TURN server only', () => {
  const reached = (content: Partial<NodeRecord>) => {
    const one = withHub([], content)
    answer(one)
    return one.pathsTo(one.peer)
  }

  it('is reached over a hub only if its server does not lead there', () => {
    const onlyRelayed = reached({ candidates: [RELAYED] })
    expect(onlyRelayed[0]).toBe(`turn:>${RELAYED.address}`)
    expect(onlyRelayed[1]).toMatch(/^relay:/)
    const home: Candidate = { kind: 'host', address: at('[2001:db8::7]:41820') }
    const nat = { ...UNKNOWN_NAT, mapping: 'udp-blocked' } as const
    const blocked = reached({ candidates: [home, RELAYED], nat })
    expect(blocked.at(-1)).toMatch(/^relay:/)
  })
})
