// SPDX-License-Identifier: Apache-2.0
/** TURN as one node uses it: allocations become candidates, and paths to each peer. */
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../agent/core/effect.ts'
import type { HelperTurnServer } from '../../../agent/core/helper-contract.ts'
import { eventText } from '../../../agent/core/event-text.ts'
import { netcheckOf } from '../../../agent/core/netcheck-report.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import { planOf } from '../../../agent/core/want.ts'
import { whyReport } from '../../../agent/core/why-report.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import type { Candidate } from '../../../nat/candidate.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const at = (text: string) => text as TransportAddress
const RELAYED = at('203.0.113.1:50000')
const reflexive: Candidate = { kind: 'server-reflexive', address: at('198.51.100.7:40001') }
const theirs: Candidate = { kind: 'relayed', address: at('203.0.113.2:50001') }

const server = {
  id: 'frankfurt',
  url: 'turn:turn.example',
  username: 'mesh',
  password: 'hunter2',
} as const

const up: HelperTurnServer = {
  id: 'frankfurt',
  transport: 'udp',
  state: 'up',
  cause: null,
  detail: null,
  relayed: RELAYED,
  rttUs: 12_000,
}
const refused: HelperTurnServer = {
  ...up,
  state: 'failed',
  cause: 'credentials-refused',
  detail: 'the server answers 401 Unauthorized',
  relayed: null,
  rttUs: null,
}

function withPeer(candidates: readonly Candidate[], turn = [server]) {
  const one = oneNode({ turn })
  const peer = one.membership.admit('peer')
  one.connect([link('eth0', '192.168.1.2/24')])
  const offered = one.hear(one.recordOf(peer, { candidates }))
  const told = (state: HelperTurnServer) =>
    one.helperEvent({ method: 'turn-changed', server: state })
  const known = () => one.node.peers.get(peer.certificate.node)!
  const paths = () =>
    planOf(one.node, one.now()).peers.flatMap((each) => each.paths.map(({ id }) => id))
  const status = () => statusOf(one.node, one.now()).peers[0]!
  const pathUp = (path: string) =>
    one.helperEvent({ method: 'path-up', peer: peer.helperName, path, rttUs: 30_000 })
  return { ...one, peer, offered, told, known, paths, status, pathUp }
}

/** Answers the probe to that address among the effects. */
function answer(
  one: ReturnType<typeof withPeer>,
  effects: readonly Effect[],
  endpoint: TransportAddress,
) {
  const probe = ofKind(effects, 'probe').find((each) => each.endpoint === endpoint)
  if (probe === undefined) throw new Error(`${endpoint} was not probed`)
  const { peer, transaction } = probe
  const observed = at('198.51.100.1:1')
  return one.helperEvent({ method: 'probe-reply', peer, endpoint, transaction, rttUs: 1, observed })
}

describe('an allocation', () => {
  it('is asked of the helper with the password, which no plan and no status shows', () => {
    const { offered, node, now } = withPeer([reflexive])
    const [apply] = ofKind(offered, 'apply')
    expect(apply?.desired.turn).toEqual([server])
    const shown = [planOf(node, now()), statusOf(node, now()), netcheckOf(node)]
    expect(JSON.stringify(shown)).not.toContain('hunter2')
    expect(JSON.stringify(shown)).toContain('turn:turn.example')
  })

  it('is asked for at once when the configuration file names another server', () => {
    const one = oneNode()
    one.connect([link('eth0', '192.168.1.2/24')])
    const settings = { ...one.node.config, turn: [server] }
    const [applied] = ofKind(one.take({ kind: 'reconfigured', settings }), 'apply')
    expect(applied?.desired.turn).toEqual([server])
  })

  it('is published once it is there, and no more when it is gone', () => {
    const { node, told, run } = withPeer([])
    const candidates = () => node.own?.record.candidates.filter(({ kind }) => kind === 'relayed')
    run(1_000)
    told(up)
    run(1_000)
    expect(candidates()).toEqual([{ kind: 'relayed', address: RELAYED }])
    told(refused)
    run(1_000)
    expect(candidates()).toEqual([])
  })

  it('that fails is told once, with its cause, in status and netcheck too', () => {
    const { told, node, now } = withPeer([])
    const [event] = ofKind(told(refused), 'event')
    expect(eventText(event!.entry)).toBe(
      'TURN server frankfurt gives no address: credentials-refused, the server answers 401 Unauthorized',
    )
    expect(ofKind(told(refused), 'event')).toEqual([])
    for (const { turnServers } of [statusOf(node, now()).self, netcheckOf(node)])
      expect(turnServers).toMatchObject([{ id: 'frankfurt', cause: 'credentials-refused' }])
  })

  it('of a server that the configuration does not name is nothing to this node', () => {
    const { told, node, now } = withPeer([])
    expect(ofKind(told({ ...up, id: 'other' }), 'event')).toEqual([])
    expect(netcheckOf(node).turnServers).toMatchObject([{ id: 'frankfurt', state: 'connecting' }])
    expect(statusOf(node, now()).self.turnServers).toHaveLength(1)
  })

  it('that a helper has kept is taken over by an agent that restarts, with the paths in use', () => {
    const { connect, node, known, paths, peer } = withPeer([reflexive])
    const kept = {
      id: 'turn:frankfurt>198.51.100.7:52847',
      kind: 'turn',
      endpoint: at('203.0.113.1:3478'),
      via: [],
      server: 'frankfurt',
      socket: null,
      up: true,
      carries: true,
      rttUs: 20_000,
      lossPermille: 0,
      lastReplyMs: 1,
    } as const
    const stats = {
      publicKey: peer.helperName,
      allowedIps: [],
      keepaliveMs: 25_000,
      rxBytes: 0,
      txBytes: 0,
      lastHandshakeMs: null,
      activePath: kept.id,
      session: { rttUs: null, ageMs: null },
      paths: [kept],
    }
    connect([link('eth0', '192.168.1.2/24')], [stats], [up])
    expect(node.helper.turn.get('frankfurt')?.relayed).toBe(RELAYED)
    expect(paths()).toEqual([kept.id])
    expect(known().indirect.figures.get(kept.id)?.up).toBe(true)
  })
})

describe('a path over TURN', () => {
  it('is armed for every peer that can be written to, and shown once it is up', () => {
    const { paths, status, pathUp } = withPeer([reflexive, theirs])
    const [plain, between] = paths()
    expect([plain, between]).toEqual([
      'turn:frankfurt>198.51.100.7:40001',
      'turn:frankfurt>203.0.113.2:50001',
    ])
    expect(status().path.kind).toBe('none')
    pathUp(plain!)
    expect(status().path).toMatchObject({ kind: 'turn', via: 'frankfurt', rttMs: 30 })
    expect(status().liveness).toBe('alive')
  })

  it('to the peer’s server is proven by our own probes, and is no direct one', () => {
    const one = withPeer([theirs], [])
    answer(one, one.offered, theirs.address)
    expect(one.paths()).toEqual(['turn:>203.0.113.2:50001'])
    one.pathUp('turn:>203.0.113.2:50001')
    expect(one.status().path).toMatchObject({ kind: 'turn', via: "peer's server" })
    // The search for a better one goes on.
    expect(one.known().paths.retryAt).not.toBeUndefined()
  })

  it('comes behind every direct one', () => {
    const direct: Candidate = { kind: 'server-reflexive', address: at('198.51.100.7:40001') }
    const one = withPeer([direct, theirs])
    answer(one, one.offered, theirs.address)
    answer(one, one.offered, direct.address)
    expect(one.paths()).toEqual([
      'direct:198.51.100.7:40001',
      'turn:>203.0.113.2:50001',
      'turn:frankfurt>198.51.100.7:40001',
    ])
  })

  it('of a hub is no way to it: frames go to a hub over a server of ours only', () => {
    const one = withPeer([theirs], [])
    answer(one, one.offered, theirs.address)
    one.run(1_000)
    one.hear(one.recordOf(one.peer, { candidates: [theirs], relay: true }))
    expect(one.node.hubs.links).toEqual([])
  })

  it('follows the port at which a symmetric NAT lets the server in', () => {
    const { helperEvent, peer, paths, known } = withPeer([reflexive])
    const from = at('198.51.100.7:52847')
    helperEvent({ method: 'probe-heard', peer: peer.helperName, from, server: 'frankfurt' })
    expect(paths()).toEqual([`turn:frankfurt>${from}`])
    // It is the NAT's port towards the server, not towards us.
    expect(known().paths.checklist.has(from)).toBe(false)
  })
})

describe('an explanation', () => {
  it('says what would help: a server where there is none, mending where there is one', () => {
    const helps = (one: ReturnType<typeof withPeer>) =>
      whyReport(one.node, one.known(), one.now()).remedies
    const without = withPeer([reflexive], [])
    without.run(60_000)
    expect(helps(without)).toContain('give self a TURN server: [[turn]] in its configuration')
    const broken = withPeer([reflexive])
    broken.run(60_000)
    broken.told(refused)
    expect(helps(broken)).toContain(
      'mend TURN server frankfurt: the server answers 401 Unauthorized',
    )
  })
})
