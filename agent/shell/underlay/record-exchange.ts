// SPDX-License-Identifier: Apache-2.0
/**
 * How news travel between members. Records: over gossip at once, over sync for what gossip missed, pushed to a neighbour
 * whose gossip mesh is too young. Notices: from neighbour to neighbour as critical messages. Everything is judged here; only
 * valid news go on.
 */
import { createHash } from 'node:crypto'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { NodeId } from '../../../topology/identity.ts'
import { type ControlContent } from '../../../topology/control-frame.ts'
import type { ControlMessage, Priority } from '../../../topology/control-queue.ts'
import { recordNode } from '../../../topology/record-codec.ts'
import { delay } from '../clock.ts'
import type { ControlLanes } from './control-lanes.ts'
import { FreshRecords } from './fresh-records.ts'
import { isGrafted, joinTopic } from './gossip.ts'
import type { GossipGate } from './gossip-gate.ts'
import { RateLimit } from './rate-limit.ts'
import { RecordJudge } from './record-judge.ts'
import { NotAMember, SYNC_PROTOCOL, SyncProtocol } from './sync-protocol.ts'
import { SyncSchedule } from './sync-schedule.ts'
import type { UnderlayOptions } from './underlay-contract.ts'
import type { Members } from './underlay-members.ts'
import { peerIdOf } from './underlay-node.ts'

/** Syncs that a neighbour may begin. */
const SYNCS_PER_SECOND = 10
const SYNCS_BURST = 100

export interface RecordExchangeParts {
  readonly options: UnderlayOptions
  readonly members: Members
  readonly gossip: GossipSub
  readonly gate: GossipGate
  readonly topic: string
  readonly lanes: ControlLanes
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
    const { options, members, gossip, topic, lanes } = parts
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
        this.publishNotice(bytes, from)
      },
      remind: (connection, bytes) =>
        void lanes.sayOn(connection, { kind: 'record', bytes }).catch(() => undefined),
      repair: (neighbour, records) =>
        void lanes.sendAtLeisure(
          neighbour,
          records.map((bytes) => recordMessage(bytes, 'low')),
        ),
    })
    this.#schedule = new SyncSchedule((connection) => this.#synchronise(connection))
    this.#fresh = new FreshRecords({
      neighbours: () => members.nodes(),
      ageMs: (young) => members.ageMs(young),
      isGrafted: (young) => {
        const connection = members.connectionTo(young)
        return connection !== undefined && isGrafted(gossip, topic, connection)
      },
      push: (young, bytes) => lanes.send(young, recordMessage(bytes, 'normal')),
    })
  }

  async listen(node: Libp2p): Promise<void> {
    const { options, gossip, topic } = this.#parts
    joinTopic(gossip, topic, this.#judge, (bytes, from) => {
      options.onEvent({ kind: 'record', bytes, from })
      this.#fresh.tell(bytes, from)
    })
    await node.handle(SYNC_PROTOCOL, async (stream, connection) => {
      if (!this.#syncRate.take(connection.remotePeer.toString()))
        return stream.abort(new Error('too many syncs'))
      await this.#sync
        .serve(stream, connection)
        .catch((error: unknown) => this.#failed(connection, error))
    })
  }

  publish(bytes: Uint8Array): void {
    const { gossip, topic, options } = this.#parts
    gossip.publish(topic, bytes).catch((error: unknown) => {
      options.log.debug({ error: String(error) }, 'gossip could not be published')
    })
    this.#fresh.tell(bytes)
  }

  /** To every neighbour but the one that told us; each passes on what is news to it. */
  publishNotice(bytes: Uint8Array, from?: NodeId): void {
    const key = `notice ${createHash('sha256').update(bytes).digest('base64')}`
    const content = { kind: 'notice', bytes } as const
    for (const node of this.#parts.members.nodes()) {
      if (node === from) continue
      this.#parts.lanes.send(node, { key, priority: 'critical', content, mustArrive: true })
    }
  }

  /** A record or a notice that came as a control message. */
  take({ kind, bytes }: ControlContent, from: NodeId): void {
    if (kind === 'record' && this.#judge.judge(bytes, from) === 'news') {
      this.#parts.options.onEvent({ kind, bytes, from })
      this.publish(bytes)
    }
    if (kind === 'notice' && this.#judge.judgeNotice(bytes, from) === 'news') {
      this.#parts.options.onEvent({ kind, bytes, from })
      this.publishNotice(bytes, from)
    }
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

  #isMember(connection: Connection): boolean {
    return this.#parts.members.memberOf(connection) !== undefined
  }
}

/** One message of a node waits at a time: the latest. */
function recordMessage(bytes: Uint8Array, priority: Priority): ControlMessage<ControlContent> {
  const key = `record ${recordNode(bytes) ?? ''}`
  return { key, priority, content: { kind: 'record', bytes }, mustArrive: false }
}
