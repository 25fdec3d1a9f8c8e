// SPDX-License-Identifier: Apache-2.0
/**
 * Carries signals (topology/signal.ts) between members that share no link, over members that both have. As a control
 * message (control-frame.ts) its content is
 *
 * ```
 * content = hops: 1 byte, 0 to 2 | signal
 * ```
 * `hops` is how often it may still be passed on. Every carrier judges it first: signed by a member, for a member, fresh, and
 * not seen before. What is lost is not sent again: whoever set out to open a channel tries again later.
 */
import { createHash } from 'node:crypto'
import type { Result } from '../../../nat/result.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { Signal } from '../../../topology/signal.ts'
import type { View } from '../../../topology/view.ts'
import { RateLimit } from './rate-limit.ts'

const HOPS_MAX = 2
const CARRIERS_MAX = 3
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
  /** Hands the content to a neighbour. */
  say(to: NodeId, content: Uint8Array): void
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

  /** Sends one of our own. */
  send(to: NodeId, bytes: Uint8Array): void {
    this.#notice(bytes)
    this.#pass(to, bytes, HOPS_MAX)
  }

  /** What a neighbour has handed to us. */
  take(frame: Uint8Array, from: NodeId): void {
    if (!this.#perNeighbour.take(from)) return
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
    const content = new Uint8Array(1 + bytes.length)
    content[0] = hops
    content.set(bytes, 1)
    for (const carrier of this.#carriers(to, from)) this.#options.say(carrier, content)
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

function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}
