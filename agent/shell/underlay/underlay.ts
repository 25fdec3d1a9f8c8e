// SPDX-License-Identifier: Apache-2.0
/**
 * The control plane between members: links over TCP that prove membership, records over gossip and
 * sync, join requests. Everything that peers send is judged here; the core hears of valid news only.
 */
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Result } from '../../../nat/result.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { delay } from '../clock.ts'
import { askAuthority } from './ask-authority.ts'
import { FreshRecords } from './fresh-records.ts'
import { gossipService, gossipTopics, isGrafted, joinTopics, type Topics } from './gossip.ts'
import { GossipGate } from './gossip-gate.ts'
import type { JoinFault } from './join-frame.ts'
import { JoinServer } from './join-protocol.ts'
import { RateLimit } from './rate-limit.ts'
import { MeshLinks } from './mesh-links.ts'
import { RecordJudge } from './record-judge.ts'
import { SignalProtocol } from './signal-protocol.ts'
import { Supervisor, type SupervisorTarget } from './supervisor.ts'
import { NotAMember, SYNC_PROTOCOL, SyncProtocol } from './sync-protocol.ts'
import { SyncSchedule } from './sync-schedule.ts'
import type { Underlay, UnderlayOptions } from './underlay-contract.ts'
import { dialMember, guardStrangers, withoutMesh } from './underlay-links.ts'
import { Members } from './underlay-members.ts'
import { nodeIdOf, peerIdOf, remoteIpOf, startUnderlayNode } from './underlay-node.ts'

/** Syncs that a neighbour may begin, pushes included. */
const SYNCS_PER_SECOND = 10
const SYNCS_BURST = 100

export async function startUnderlay(options: UnderlayOptions): Promise<Underlay> {
  const gate = new GossipGate()
  const topics = gossipTopics(options.network)
  const node = await startUnderlayNode({
    ...options,
    services: { gossip: gossipService(gate, topics) },
  })
  const gossip = node.services['gossip'] as GossipSub
  return new RunningUnderlay(options, node, gossip, gate, topics).start()
}

class RunningUnderlay implements Underlay {
  readonly #options: UnderlayOptions
  readonly #node: Libp2p
  readonly #gossip: GossipSub
  readonly #gate: GossipGate
  readonly #topics: Topics
  readonly #members: Members
  readonly #judge: RecordJudge
  readonly #sync: SyncProtocol
  readonly #schedule: SyncSchedule
  readonly #join: JoinServer
  readonly #fresh: FreshRecords
  readonly #supervisor: Supervisor
  readonly #meshLinks: MeshLinks
  readonly #signals: SignalProtocol
  readonly #syncRate = new RateLimit(SYNCS_PER_SECOND, SYNCS_BURST)

  constructor(
    options: UnderlayOptions,
    node: Libp2p,
    gossip: GossipSub,
    gate: GossipGate,
    topics: Topics,
  ) {
    this.#options = options
    this.#node = node
    this.#gossip = gossip
    this.#gate = gate
    this.#topics = topics
    this.#members = new Members({
      self: options.self,
      isMesh: (connection) => options.isMeshAddress(remoteIpOf(connection)),
      onUp: (up) => this.#linkChanged('neighbour-up', up),
      onDown: (down) => this.#linkChanged('neighbour-down', down),
      onPreferred: (neighbour, connection) => {
        gate.admit(connection)
        this.#supervisor.notice(neighbour)
        this.#meshLinks.notice()
      },
    })
    this.#judge = new RecordJudge({
      verify: (bytes) => options.verify(bytes),
      verifyNotice: (bytes) => options.verifyNotice(bytes),
      view: () => options.view(),
      notices: () => options.notices(),
      onAbuse: (from) => {
        options.log.warn({ node: from }, 'neighbour sends invalid records, hanging up')
        this.hangUp(from)
      },
    })
    this.#sync = new SyncProtocol({
      judge: this.#judge,
      view: () => options.view(),
      notices: () => options.notices(),
      ownRecord: () => options.ownRecord(),
      onMember: (connection, member) => this.#members.admit(connection, member),
      onRecord: (bytes, from) => this.#learned(bytes, from),
      onNotice: (bytes, from) => {
        options.onEvent({ kind: 'notice', bytes, from })
        this.publishNotice(bytes)
      },
    })
    this.#schedule = new SyncSchedule((connection) => this.#synchronise(connection))
    this.#join = new JoinServer({
      answer: options.answerJoin,
      isMember: (connection) => this.#isMember(connection),
      authorities: () => this.#authorities(),
    })
    this.#fresh = new FreshRecords({
      neighbours: () => this.#members.nodes(),
      ageMs: (young) => this.#members.ageMs(young),
      isGrafted: (young) => {
        const connection = this.#members.connectionTo(young)
        return connection !== undefined && isGrafted(gossip, topics.records, connection)
      },
      push: (young, records) => this.#push(young, records),
    })
    this.#signals = new SignalProtocol({
      self: options.self,
      view: () => options.view(),
      verify: (bytes) => options.verifySignal(bytes),
      isMember: (node) => options.isMember(node),
      neighbours: () => this.#members.nodes(),
      connectionTo: (node) => this.#members.connectionTo(node),
      memberOf: (on) => (this.#isMember(on) ? nodeIdOf(on.remotePeer) : undefined),
      onSignal: (signal) => options.onEvent({ kind: 'signal', signal }),
    })
    this.#supervisor = new Supervisor({
      isUp: (target) => this.#members.hasUnderlay(target),
      dial: (target, signal) => dialMember(node, this.#members, target, signal),
    })
    this.#meshLinks = new MeshLinks({
      hasOther: () => this.#members.hasAnyUnderlay(),
      targets: () => options.meshTargets(),
      isUp: (target) => this.#members.has(target),
      dial: (target, signal) => dialMember(node, this.#members, target, signal),
      hangUp: () => {
        const own = this.#members.meshConnections().filter((on) => on.direction === 'outbound')
        for (const connection of own) void connection.close().catch(() => undefined)
      },
    })
  }

  async start(): Promise<this> {
    joinTopics(this.#gossip, this.#topics, this.#judge, (kind, bytes, from) => {
      this.#options.onEvent({ kind, bytes, from })
      if (kind === 'record') this.#fresh.tell(bytes, from)
    })
    this.#node.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    this.#node.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
    await this.#join.listen(this.#node)
    await this.#signals.listen(this.#node)
    this.#meshLinks.notice()
    await this.#node.handle(SYNC_PROTOCOL, async (stream, connection) => {
      if (!this.#syncRate.take(connection.remotePeer.toString()))
        return stream.abort(new Error('too many syncs'))
      const whenMember = (on: Connection) => this.#members.whenMember(on, nodeIdOf(on.remotePeer))
      await this.#sync
        .serve(stream, connection, whenMember)
        .catch((error: unknown) => this.#failed(connection, error))
    })
    return this
  }

  get listening(): readonly string[] {
    return this.#node.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/.*$/, ''))
  }

  publish(bytes: Uint8Array): void {
    this.#gossipOn(this.#topics.records, bytes)
    this.#fresh.tell(bytes)
  }

  publishNotice(bytes: Uint8Array): void {
    this.#gossipOn(this.#topics.notices, bytes)
  }

  #gossipOn(topic: string, bytes: Uint8Array): void {
    this.#gossip.publish(topic, bytes).catch((error: unknown) => {
      this.#options.log.debug({ error: String(error) }, 'gossip could not be published')
    })
  }

  neighbours(): readonly NodeId[] {
    return this.#members.nodes()
  }

  signal(to: NodeId, bytes: Uint8Array): void {
    this.#signals.send(to, bytes)
  }

  setTargets(targets: readonly SupervisorTarget[]): void {
    this.#supervisor.setTargets(
      targets
        .filter(({ node }) => node !== this.#options.self)
        .map((target) => withoutMesh(target, (ip) => this.#options.isMeshAddress(ip))),
    )
  }

  hangUp(node: NodeId): void {
    void this.#node.hangUp(peerIdOf(node)).catch(() => undefined)
  }

  askAuthority(request: Uint8Array): Promise<Result<Uint8Array, JoinFault>> {
    const { self } = this.#options
    const parts = { node: this.#node, members: this.#members, view: this.#options.view() }
    return askAuthority({ ...parts, self, authorities: this.#authorities() }, request)
  }

  async close(): Promise<void> {
    this.#supervisor.close()
    this.#meshLinks.close()
    this.#schedule.close()
    await this.#node.stop()
  }

  #opened(connection: Connection): void {
    guardStrangers(this.#node, connection, {
      isMember: (on) => this.#isMember(on),
      isJoining: (on) => this.#join.isJoining(on),
    })
    // Whoever dialled speaks first, and goes on doing so.
    if (connection.direction === 'outbound') this.#schedule.begin(connection)
  }

  #closed(connection: Connection): void {
    this.#schedule.end(connection)
    this.#gate.forget(connection)
    const node = nodeIdOf(connection.remotePeer)
    this.#members.remove(connection, node)
    if (node !== undefined && this.#members.has(node)) void this.#reopenGossip(node)
  }

  /** gossipsub's stream died with one of two connections, or is dying: it does not look for another. */
  async #reopenGossip(node: NodeId): Promise<void> {
    for (const pauseMs of [0, 50, 250, 1_000]) {
      await delay(pauseMs)
      const connection = this.#members.connectionTo(node)
      if (connection !== undefined) this.#gate.admit(connection)
    }
  }

  #linkChanged(kind: 'neighbour-up' | 'neighbour-down', node: NodeId): void {
    if (kind === 'neighbour-down') this.#gate.dismiss(peerIdOf(node))
    this.#supervisor.notice(node)
    this.#meshLinks.notice()
    this.#options.onEvent({ kind, node })
  }

  async #synchronise(connection: Connection): Promise<void> {
    try {
      await this.#sync.initiate(connection)
      // Opens gossip's stream anew if it broke meanwhile.
      if (this.#isMember(connection)) this.#gate.admit(connection)
    } catch (error) {
      this.#failed(connection, error)
    }
  }

  #failed(connection: Connection, error: unknown): void {
    const refused = error instanceof NotAMember
    const fields = { peer: connection.remotePeer.toString(), reason: String(error) }
    this.#options.log[refused ? 'info' : 'debug'](fields, 'sync failed')
    // A stream may break for many reasons; a link on which nobody ever proved anything is of no use.
    if (refused || !this.#isMember(connection)) connection.abort(new Error('not a member'))
  }

  #learned(bytes: Uint8Array, from: NodeId): void {
    this.#options.onEvent({ kind: 'record', bytes, from })
    this.publish(bytes)
  }

  #push(node: NodeId, records: readonly Uint8Array[]): void {
    const connection = this.#members.connectionTo(node)
    if (connection === undefined) return
    this.#sync.push(connection, records).catch((error: unknown) => {
      this.#options.log.debug({ node, reason: String(error) }, 'push failed')
    })
  }

  #authorities(): Connection[] {
    const { entries } = this.#options.view()
    return this.#members
      .nodes()
      .filter((node) => entries.get(node)?.record.certificate.authority === true)
      .flatMap((node) => this.#members.connectionTo(node) ?? [])
  }

  #isMember(connection: Connection): boolean {
    return this.#members.isMember(connection, nodeIdOf(connection.remotePeer))
  }
}
