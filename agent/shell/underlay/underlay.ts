// SPDX-License-Identifier: Apache-2.0
/**
 * The control plane between members: links over TCP that prove membership, records over gossip and
 * sync, join requests. Everything that peers send is judged here; the core hears of valid news only.
 */
import { createHash } from 'node:crypto'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Result } from '../../../nat/result.ts'
import type { Question, Told } from '../../../topology/ask-frame.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { askAuthority } from './ask-authority.ts'
import { AskProtocol } from './ask-protocol.ts'
import { type ControlCounts, ControlLanes } from './control-lanes.ts'
import { deliver } from './delivery.ts'
import { gossipService, gossipTopic } from './gossip.ts'
import { GossipGate } from './gossip-gate.ts'
import type { JoinFault } from './join-frame.ts'
import { JoinServer } from './join-protocol.ts'
import { MeshLinks } from './mesh-links.ts'
import { RecordExchange } from './record-exchange.ts'
import { SignalProtocol } from './signal-protocol.ts'
import { Supervisor, type SupervisorTarget } from './supervisor.ts'
import type { Underlay, UnderlayOptions } from './underlay-contract.ts'
import { dialMember, guardStrangers, visit, withoutMesh } from './underlay-links.ts'
import { Members } from './underlay-members.ts'
import { nodeIdOf, peerIdOf, remoteIpOf, startUnderlayNode } from './underlay-node.ts'

export async function startUnderlay(options: UnderlayOptions): Promise<Underlay> {
  const gate = new GossipGate()
  const topic = gossipTopic(options.network)
  const node = await startUnderlayNode({
    ...options,
    services: { gossip: gossipService(gate, topic) },
  })
  const gossip = node.services['gossip'] as GossipSub
  return new RunningUnderlay(options, node, gossip, gate, topic).start()
}

class RunningUnderlay implements Underlay {
  readonly #options: UnderlayOptions
  readonly #node: Libp2p
  readonly #members: Members
  readonly #lanes: ControlLanes
  readonly #records: RecordExchange
  readonly #join: JoinServer
  readonly #supervisor: Supervisor
  readonly #meshLinks: MeshLinks
  readonly #signals: SignalProtocol
  readonly #asks: AskProtocol

  constructor(
    options: UnderlayOptions,
    node: Libp2p,
    gossip: GossipSub,
    gate: GossipGate,
    topic: string,
  ) {
    this.#options = options
    this.#node = node
    this.#members = new Members({
      self: options.self,
      isMesh: (connection) => options.isMeshAddress(remoteIpOf(connection)),
      onUp: (up) => this.#linkChanged('neighbour-up', up),
      onDown: (down) => this.#linkChanged('neighbour-down', down),
      onPreferred: (neighbour, connection) => {
        this.#records.prefer(connection)
        this.#lanes.reopen(neighbour)
        this.#supervisor.notice(neighbour)
        this.#meshLinks.notice()
      },
    })
    this.#lanes = new ControlLanes({
      connectionTo: (neighbour) => this.#members.connectionTo(neighbour),
      whenMember: (on) => this.#members.whenMember(on, nodeIdOf(on.remotePeer)),
      onMessage: (content, from) => {
        if (content.kind === 'signal') this.#signals.take(content.bytes, from)
        else this.#records.take(content, from)
      },
    })
    this.#records = new RecordExchange({
      options,
      members: this.#members,
      gossip,
      gate,
      topic,
      lanes: this.#lanes,
      hangUp: (from) => this.hangUp(from),
    })
    this.#join = new JoinServer({
      answer: options.answerJoin,
      isMember: (connection) => this.#isMember(connection),
      authorities: () => this.#authorities(),
    })
    this.#signals = new SignalProtocol({
      self: options.self,
      view: () => options.view(),
      verify: (bytes) => options.verifySignal(bytes),
      isMember: (node) => options.isMember(node),
      neighbours: () => this.#members.nodes(),
      say: (to, bytes) => {
        const key = `signal ${createHash('sha256').update(bytes).digest('base64')}`
        const content = { kind: 'signal', bytes } as const
        this.#lanes.send(to, { key, priority: 'high', content, mustArrive: false })
      },
      onSignal: (signal) => options.onEvent({ kind: 'signal', signal }),
    })
    this.#asks = new AskProtocol({
      answer: (from, question) => options.answer(from, question),
      memberOf: (on) => this.#members.memberOf(on),
      withConnection: (to, use) => visit(node, this.#members, options.askTarget(to), use),
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
    this.#node.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    this.#node.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
    await this.#records.listen(this.#node)
    await this.#join.listen(this.#node)
    await this.#asks.listen(this.#node)
    await this.#lanes.listen(this.#node)
    this.#meshLinks.notice()
    return this
  }

  get listening(): readonly string[] {
    return this.#node.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/.*$/, ''))
  }

  publish(bytes: Uint8Array): void {
    this.#records.publish(bytes)
  }

  deliver(bytes: Uint8Array, deadlineMs: number): Promise<boolean> {
    const connections = () =>
      this.#members.nodes().flatMap((node) => this.#members.connectionTo(node) ?? [])
    const say = (on: Connection) => this.#lanes.sayOn(on, { kind: 'record', bytes })
    return deliver({ connections, say }, deadlineMs)
  }

  publishNotice(bytes: Uint8Array): void {
    this.#records.publishNotice(bytes)
  }

  neighbours(): readonly NodeId[] {
    return this.#members.nodes()
  }

  signal(to: NodeId, bytes: Uint8Array): void {
    this.#signals.send(to, bytes)
  }

  ask(to: NodeId, question: Question): Promise<Told> {
    return this.#asks.ask(to, question)
  }

  controlCounts(): ControlCounts {
    return this.#lanes.counts()
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
    this.#records.close()
    this.#lanes.close()
    await this.#node.stop()
  }

  #opened(connection: Connection): void {
    guardStrangers(this.#node, connection, {
      isMember: (on) => this.#isMember(on),
      isJoining: (on) => this.#join.isJoining(on),
    })
    this.#records.opened(connection)
  }

  #closed(connection: Connection): void {
    this.#records.closed(connection)
    const node = nodeIdOf(connection.remotePeer)
    this.#members.remove(connection, node)
    if (node !== undefined && this.#members.has(node)) void this.#records.reopenGossip(node)
  }

  #linkChanged(kind: 'neighbour-up' | 'neighbour-down', node: NodeId): void {
    if (kind === 'neighbour-down') {
      this.#records.dismiss(node)
      this.#lanes.dismiss(node)
    }
    this.#supervisor.notice(node)
    this.#meshLinks.notice()
    this.#options.onEvent({ kind, node })
  }

  #authorities(): Connection[] {
    const { entries } = this.#options.view()
    return this.#members
      .nodes()
      .filter((node) => entries.get(node)?.record.certificate.authority === true)
      .flatMap((node) => this.#members.connectionTo(node) ?? [])
  }

  #isMember(connection: Connection): boolean {
    return this.#members.memberOf(connection) !== undefined
  }
}
