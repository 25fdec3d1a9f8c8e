// SPDX-License-Identifier: Apache-2.0
/**
 * How news travel between members, records and notices: over gossip at once, over sync for what gossip missed, pushed to
 * a neighbour whose mesh is too young. Everything is judged here; only valid news go on.
 */
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { NodeId } from '../../../topology/identity.ts'
import { delay } from '../clock.ts'
import { FreshRecords } from './fresh-records.ts'
import { isGrafted, joinTopics, type Topics } from './gossip.ts'
import type { GossipGate } from './gossip-gate.ts'
import { RateLimit } from './rate-limit.ts'
import { RecordJudge } from './record-judge.ts'
import { NotAMember, SYNC_PROTOCOL, SyncProtocol } from './sync-protocol.ts'
import { SyncSchedule } from './sync-schedule.ts'
import type { UnderlayOptions } from './underlay-contract.ts'
import type { Members } from './underlay-members.ts'
import { nodeIdOf, peerIdOf } from './underlay-node.ts'

/** Syncs that a neighbour may begin, pushes included. */
const SYNCS_PER_SECOND = 10
const SYNCS_BURST = 100

export interface RecordExchangeParts {
  readonly options: UnderlayOptions
  readonly members: Members
  readonly gossip: GossipSub
  readonly gate: GossipGate
  readonly topics: Topics
  hangUp(node: NodeId): void
}

export class RecordExchange {
  readonly #parts: RecordExchangeParts
  readonly #judge: RecordJudge
  readonly #sync: SyncProtocol
  readonly #schedule: SyncSchedule
  readonly #fresh: FreshRecords
  readonly #syncRate = new RateLimit(SYNCS_PER_SECOND, SYNCS_BURST)

  constructor(parts: RecordExchangeParts) {
    const { options, members, gossip, topics } = parts
    this.#parts = parts
    this.#judge = new RecordJudge({
      verify: (bytes) => options.verify(bytes),
      verifyNotice: (bytes) => options.verifyNotice(bytes),
      view: () => options.view(),
      notices: () => options.notices(),
      onAbuse: (from) => {
        options.log.warn({ node: from }, 'neighbour sends invalid records, hanging up')
        parts.hangUp(from)
      },
    })
    this.#sync = new SyncProtocol({
      judge: this.#judge,
      view: () => options.view(),
      notices: () => options.notices(),
      ownRecord: () => options.ownRecord(),
      onMember: (connection, member) => members.admit(connection, member),
      onRecord: (bytes, from) => {
        options.onEvent({ kind: 'record', bytes, from })
        this.publish(bytes)
      },
      onNotice: (bytes, from) => {
        options.onEvent({ kind: 'notice', bytes, from })
        this.publishNotice(bytes)
      },
    })
    this.#schedule = new SyncSchedule((connection) => this.#synchronise(connection))
    this.#fresh = new FreshRecords({
      neighbours: () => members.nodes(),
      ageMs: (young) => members.ageMs(young),
      isGrafted: (young) => {
        const connection = members.connectionTo(young)
        return connection !== undefined && isGrafted(gossip, topics.records, connection)
      },
      push: (young, records) => this.#push(young, records),
    })
  }

  async listen(node: Libp2p): Promise<void> {
    const { options, members, gossip, topics } = this.#parts
    joinTopics(gossip, topics, this.#judge, (kind, bytes, from) => {
      options.onEvent({ kind, bytes, from })
      if (kind === 'record') this.#fresh.tell(bytes, from)
    })
    await node.handle(SYNC_PROTOCOL, async (stream, connection) => {
      if (!this.#syncRate.take(connection.remotePeer.toString()))
        return stream.abort(new Error('too many syncs'))
      const whenMember = (on: Connection) => members.whenMember(on, nodeIdOf(on.remotePeer))
      await this.#sync
        .serve(stream, connection, whenMember)
        .catch((error: unknown) => this.#failed(connection, error))
    })
  }

  publish(bytes: Uint8Array): void {
    this.#gossipOn(this.#parts.topics.records, bytes)
    this.#fresh.tell(bytes)
  }

  publishNotice(bytes: Uint8Array): void {
    this.#gossipOn(this.#parts.topics.notices, bytes)
  }

  /** Whoever dialled speaks first, and goes on doing so. */
  opened(connection: Connection): void {
    if (connection.direction === 'outbound') this.#schedule.begin(connection)
  }

  closed(connection: Connection): void {
    this.#schedule.end(connection)
    this.#parts.gate.forget(connection)
  }

  /** Gossip goes over this connection to its member. */
  prefer(connection: Connection): void {
    this.#parts.gate.admit(connection)
  }

  dismiss(node: NodeId): void {
    this.#parts.gate.dismiss(peerIdOf(node))
  }

  /** gossipsub's stream died with one of two connections, or is dying: it does not look for another. */
  async reopenGossip(node: NodeId): Promise<void> {
    for (const pauseMs of [0, 50, 250, 1_000]) {
      await delay(pauseMs)
      const connection = this.#parts.members.connectionTo(node)
      if (connection !== undefined) this.prefer(connection)
    }
  }

  close(): void {
    this.#schedule.close()
  }

  #gossipOn(topic: string, bytes: Uint8Array): void {
    this.#parts.gossip.publish(topic, bytes).catch((error: unknown) => {
      this.#parts.options.log.debug({ error: String(error) }, 'gossip could not be published')
    })
  }

  async #synchronise(connection: Connection): Promise<void> {
    try {
      await this.#sync.initiate(connection)
      // Opens gossip's stream anew if it broke meanwhile.
      if (this.#isMember(connection)) this.prefer(connection)
    } catch (error) {
      this.#failed(connection, error)
    }
  }

  #failed(connection: Connection, error: unknown): void {
    const refused = error instanceof NotAMember
    const fields = { peer: connection.remotePeer.toString(), reason: String(error) }
    this.#parts.options.log[refused ? 'info' : 'debug'](fields, 'sync failed')
    // A stream may break for many reasons; a link on which nobody ever proved anything is of no use.
    if (refused || !this.#isMember(connection)) connection.abort(new Error('not a member'))
  }

  #push(node: NodeId, records: readonly Uint8Array[]): void {
    const connection = this.#parts.members.connectionTo(node)
    if (connection === undefined) return
    this.#sync.push(connection, records).catch((error: unknown) => {
      this.#parts.options.log.debug({ node, reason: String(error) }, 'push failed')
    })
  }

  #isMember(connection: Connection): boolean {
    return this.#parts.members.isMember(connection, nodeIdOf(connection.remotePeer))
  }
}
