// SPDX-License-Identifier: Apache-2.0
/** `measure` of native/PROTOCOL.md: a probe of full size over one path, and its answer of the same size. */
import type { DesiredPath } from '../../agent/core/helper-contract.ts'
import { toHex } from '../../nat/hex.ts'
import type { MeasureOutcome } from '../../nat/path-mtu.ts'
import type { Packet } from './frame.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What a packet of a session has around the IP packet in it. */
const WIREGUARD_BYTES = 32

export interface MeasureModelOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly publicKey: string
  readonly send: (path: DesiredPath, packet: Packet) => boolean
}

export interface MeasureRequest {
  readonly peer: string
  readonly sizeBytes: number
  readonly timeoutMs: number
}

export class MeasureModel {
  readonly #options: MeasureModelOptions
  readonly #waiting = new Map<string, (outcome: MeasureOutcome) => void>()

  constructor(options: MeasureModelOptions) {
    this.#options = options
  }

  measure(
    path: DesiredPath | undefined,
    { peer, sizeBytes, timeoutMs }: MeasureRequest,
    done: (outcome: MeasureOutcome) => void,
  ): void {
    const { clock, random, publicKey: sender, send } = this.#options
    const transaction = toHex(random.entropy(16))
    if (path === undefined) return void clock.after(1, () => done({ kind: 'unasked' }))
    this.#waiting.set(transaction, done)
    const bytes = sizeBytes + WIREGUARD_BYTES
    send(path, { kind: 'probe', sender, receiver: peer, transaction, bytes })
    clock.after(timeoutMs, () => this.#end(transaction, { kind: 'lost' }))
  }

  /** Whether an answer was waited for here. */
  answered(transaction: string): boolean {
    return this.#end(transaction, { kind: 'carried' })
  }

  #end(transaction: string, outcome: MeasureOutcome): boolean {
    const done = this.#waiting.get(transaction)
    this.#waiting.delete(transaction)
    done?.(outcome)
    return done !== undefined
  }
}
