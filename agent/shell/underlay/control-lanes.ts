// SPDX-License-Identifier: Apache-2.0
/**
 * /meshgate/control/1: notices, signals and records to a neighbour, in the order of their priorities. One stream for
 * each direction, opened when there is something to say; frames are those of topology/control-frame.ts.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import {
  CONTROL_FRAME_BYTES_MAX,
  type ControlContent,
  decodeControlFrame,
  encodeAcknowledgement,
  encodeControlFrame,
} from '../../../topology/control-frame.ts'
import { type ControlMessage, PRIORITIES, type Priority } from '../../../topology/control-queue.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { NeighbourLane } from './neighbour-lane.ts'

export const CONTROL_PROTOCOL = '/meshgate/control/1'

/** A lane that is opened anew, and a message on a connection of its own, may overlap with it for a moment. */
const STREAMS_MAX = 4

const OPEN_MS = 5_000

export interface ControlLanesOptions {
  connectionTo(node: NodeId): Connection | undefined
  /** Resolves once the connection's peer is a member; undefined once it has closed. */
  whenMember(connection: Connection): Promise<NodeId | undefined>
  onMessage(content: ControlContent, from: NodeId): void
}

/** Since the agent started, over all neighbours. */
export interface ControlCounts {
  readonly said: Readonly<Record<Priority, number>>
  readonly waiting: Readonly<Record<Priority, number>>
  /** Made room for others, found none, or never acknowledged. */
  readonly lost: number
}

export const NO_COUNTS: ControlCounts = { said: none(), waiting: none(), lost: 0 }

export class ControlLanes {
  readonly #options: ControlLanesOptions
  readonly #lanes = new Map<NodeId, NeighbourLane>()
  /** Of neighbours that are none any more. */
  readonly #past = { said: none(), lost: 0 }

  constructor(options: ControlLanesOptions) {
    this.#options = options
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(CONTROL_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: STREAMS_MAX,
      maxOutboundStreams: STREAMS_MAX,
    })
  }

  /** False if there is no room for what must arrive, or the node is no neighbour. */
  send(to: NodeId, message: ControlMessage<ControlContent>): boolean {
    return this.#laneTo(to)?.send(message) ?? false
  }

  /** Sends many of low priority, each once there is room for it: the queue's bound delays them and loses none. */
  async sendAtLeisure(
    to: NodeId,
    messages: Iterable<ControlMessage<ControlContent>>,
  ): Promise<void> {
    for (const message of messages) {
      const lane = this.#laneTo(to)
      if (lane === undefined || !(await lane.sendWhenRoom(message))) return
    }
  }

  /** Over this very connection, for what concerns whoever is at its other end; throws what broke it. */
  async sayOn(connection: Connection, content: ControlContent): Promise<void> {
    const signal = AbortSignal.timeout(OPEN_MS)
    const stream = await connection.newStream(CONTROL_PROTOCOL, { signal })
    const messages = lpStream(stream, { maxDataLength: CONTROL_FRAME_BYTES_MAX })
    await messages.write(encodeControlFrame({ number: 0, content }), { signal })
    await messages.read({ signal })
    await stream.close({ signal })
  }

  /** Another connection to the node is the one to use; the last one may lead to a host that has stolen its keys. */
  reopen(node: NodeId): void {
    this.#lanes.get(node)?.reopen()
  }

  /** The node is no neighbour any more: what it has not heard is left to the sync that begins the next link. */
  dismiss(node: NodeId): void {
    const lane = this.#lanes.get(node)
    if (lane === undefined) return
    this.#lanes.delete(node)
    lane.close()
    for (const priority of PRIORITIES) this.#past.said[priority] += lane.said(priority)
    this.#past.lost += lane.lost
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close()
    this.#lanes.clear()
  }

  counts(): ControlCounts {
    const said = { ...this.#past.said }
    const waiting = none()
    let { lost } = this.#past
    for (const lane of this.#lanes.values()) {
      lost += lane.lost
      for (const priority of PRIORITIES) {
        said[priority] += lane.said(priority)
        waiting[priority] += lane.waiting(priority)
      }
    }
    return { said, waiting, lost }
  }

  #laneTo(node: NodeId): NeighbourLane | undefined {
    const known = this.#lanes.get(node)
    if (known !== undefined) return known
    if (this.#options.connectionTo(node) === undefined) return undefined
    const lane = new NeighbourLane(() => {
      const connection = this.#options.connectionTo(node)
      return connection?.newStream(CONTROL_PROTOCOL, { signal: AbortSignal.timeout(OPEN_MS) })
    })
    this.#lanes.set(node, lane)
    return lane
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    try {
      // The stream may overtake the hello that makes its sender a member on this side too.
      const from = await this.#options.whenMember(connection)
      if (from === undefined) throw new Error('not a member')
      const messages = lpStream(stream, { maxDataLength: CONTROL_FRAME_BYTES_MAX })
      for (;;) {
        // What is decoded is a copy: libp2p hands over a window on a pool.
        const frame = decodeControlFrame((await messages.read()).subarray())
        if (!frame.ok) throw new Error(`a frame that is ${frame.error}`)
        this.#options.onMessage(frame.value.content, from)
        await messages.write(encodeAcknowledgement(frame.value.number))
      }
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

function none(): Record<Priority, number> {
  return { critical: 0, high: 0, normal: 0, low: 0 }
}
