// SPDX-License-Identifier: Apache-2.0
/**
 * /meshgate/signal/1: carries signals (topology/signal.ts) between members that share no link, over members that both have.
 * One length-prefixed message a stream, without an answer:
 *
 * ```
 * message = hops: 1 byte, 0 to 2 | signal
 * ```
 * `hops` is how often it may still be passed on. Every carrier judges it first: signed by a member, for a member, fresh, and
 * not seen before. What is lost is not sent again here: whoever set out to open a channel tries again later.
 */
import { createHash } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Result } from '../../../nat/result.ts'
import { ENVELOPE_BYTES_MAX } from '../../../topology/envelope.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { Signal } from '../../../topology/signal.ts'
import type { View } from '../../../topology/view.ts'
import { RateLimit } from './rate-limit.ts'

export const SIGNAL_PROTOCOL = '/meshgate/signal/1'

const HOPS_MAX = 2
const CARRIERS_MAX = 3
const DEADLINE_MS = 5_000
const FRAME_BYTES_MAX = 1 + ENVELOPE_BYTES_MAX.signal
/** Of one neighbour, which may carry for many; and of one member, whoever carries it. */
const PER_SECOND_AND_NEIGHBOUR = 20
const PER_SECOND_AND_SENDER = 2
const SENDER_BURST = 20
/** Signals remembered, so that none is taken or passed on twice: more than senders may make within a signal's lifetime. */
const SEEN_MAX = 8_192

export interface SignalOptions {
  readonly self: NodeId
  view(): View
  verify(bytes: Uint8Array): Result<Signal>
  readonly isMember: (node: NodeId) => boolean
  neighbours(): readonly NodeId[]
  connectionTo(node: NodeId): Connection | undefined
  /** The member at the other end of a connection; undefined for a stranger. */
  memberOf(connection: Connection): NodeId | undefined
  /** A signal to this node. */
  onSignal(signal: Signal): void
}

export class SignalProtocol {
  readonly #options: SignalOptions
  readonly #perNeighbour = new RateLimit(PER_SECOND_AND_NEIGHBOUR)
  readonly #perSender = new RateLimit(PER_SECOND_AND_SENDER, SENDER_BURST)
  readonly #seen = new Set<string>()

  constructor(options: SignalOptions) {
    this.#options = options
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(SIGNAL_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 16,
      maxOutboundStreams: 16,
    })
  }

  /** Sends one of our own. */
  send(to: NodeId, bytes: Uint8Array): void {
    this.#notice(bytes)
    this.#pass(to, bytes, HOPS_MAX)
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    try {
      const from = this.#options.memberOf(connection)
      if (from === undefined) throw new Error('not a member')
      if (!this.#perNeighbour.take(from)) throw new Error('too many signals')
      const signal = AbortSignal.timeout(DEADLINE_MS)
      const messages = lpStream(stream, { maxDataLength: FRAME_BYTES_MAX })
      const frame = new Uint8Array((await messages.read({ signal })).subarray())
      await stream.close({ signal })
      this.#take(frame, from)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #take(frame: Uint8Array, from: NodeId): void {
    const hops = frame[0] ?? HOPS_MAX + 1
    if (hops > HOPS_MAX) return
    const bytes = frame.subarray(1)
    const signal = this.judge(bytes)
    if (signal === undefined) return
    if (signal.to === this.#options.self) return this.#options.onSignal(signal)
    if (hops > 0) this.#pass(signal.to, bytes, hops - 1, from)
  }

  /** The signal, if it is to be believed and was not seen before. */
  judge(bytes: Uint8Array): Signal | undefined {
    const name = nameOf(bytes)
    if (this.#seen.has(name)) return undefined
    const signal = this.#options.verify(bytes)
    if (!signal.ok) return undefined
    const { from, to } = signal.value
    const { self, isMember } = this.#options
    if (from === self || !isMember(from) || (to !== self && !isMember(to))) return undefined
    if (!this.#perSender.take(from)) return undefined
    this.#notice(bytes)
    return signal.value
  }

  #pass(to: NodeId, bytes: Uint8Array, hops: number, from?: NodeId): void {
    for (const carrier of this.#carriers(to, from)) {
      const connection = this.#options.connectionTo(carrier)
      if (connection !== undefined) void write(connection, hops, bytes)
    }
  }

  /** The member itself if it is a neighbour; else first those that it says it keeps a path to. */
  #carriers(to: NodeId, from: NodeId | undefined): NodeId[] {
    const neighbours = this.#options.neighbours().filter((node) => node !== from)
    if (neighbours.includes(to)) return [to]
    const hubs = this.#options.view().entries.get(to)?.record.hubs ?? []
    const near = neighbours.filter((node) => hubs.includes(node))
    const others = neighbours.filter((node) => !hubs.includes(node))
    return [...near, ...others].slice(0, CARRIERS_MAX)
  }

  #notice(bytes: Uint8Array): void {
    this.#seen.add(nameOf(bytes))
    if (this.#seen.size <= SEEN_MAX) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      return
    }
  }
}

async function write(connection: Connection, hops: number, bytes: Uint8Array): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const frame = new Uint8Array(1 + bytes.length)
  frame[0] = hops
  frame.set(bytes, 1)
  let stream: Stream | undefined
  try {
    stream = await connection.newStream(SIGNAL_PROTOCOL, { signal })
    await lpStream(stream, { maxDataLength: FRAME_BYTES_MAX }).write(frame, { signal })
    await stream.close({ signal })
  } catch (error) {
    stream?.abort(error instanceof Error ? error : new Error(String(error)))
  }
}

function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}
