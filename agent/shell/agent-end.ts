// SPDX-License-Identifier: Apache-2.0
/**
 * The ways a running agent ends: stopped by a signal or a command, started anew with other keys, or its membership given
 * up. Whoever asked hears the answer before the local API goes.
 */
import type { Result } from '../../nat/result.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { Node } from '../core/state.ts'
import { delay } from './clock.ts'
import { drainBriefly } from './draining.ts'
import type { HelperClient } from './helper/helper-client.ts'
import type { Loop } from './loop.ts'
import type { MembershipKeeper } from './membership-keeper.ts'
import type { PortMapper } from './router/port-mapper.ts'
import type { RecordKeeper } from './state/record-keeper.ts'
import type { StateDir } from './state/state-dir.ts'

/** With other keys, in the same process: the helper keeps the tunnels meanwhile. */
export const START_ANEW = -1

/** Time for the last record to reach the neighbours, and for an answer to reach its caller. */
export const FAREWELL_MS = 300

/** Links that a break has cost stand again by then; a host whose network is gone must be able to leave all the same. */
const FAREWELL_MS_MAX = 8_000

/** Until the core has made the last record; it keeps a pause between two. */
const LAST_RECORD_MS = 1_000

/** A router in the house answers within milliseconds; one that does not must not hold up the end. */
const RELEASE_MS = 500

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** From a service manager, before the signal that ends us: it stops the helper after us. By itself it ends nothing. */
const HELPER_ENDS = 'SIGUSR2'

export interface AgentEndParts {
  readonly node: Node
  readonly loop: Loop
  readonly state: StateDir
  readonly helper: HelperClient
  readonly ports: PortMapper
  readonly keeper: RecordKeeper
  readonly membership: MembershipKeeper
  /** See Underlay. */
  deliver(record: Uint8Array, deadlineMs: number): Promise<boolean>
  /** The helper is stopped after us, by whoever started us. */
  readonly endsHelper: boolean
  /** Closes all that runs. */
  close(): Promise<void>
}

export class AgentEnd {
  readonly #parts: AgentEndParts
  readonly #done = Promise.withResolvers<number>()
  readonly #onSignal = () => void this.#endBySignal()
  readonly #onHelperEnds = () => void (this.#endsHelper = true)
  #endsHelper: boolean
  #handingOver: Promise<void> | undefined

  constructor(parts: AgentEndParts) {
    this.#parts = parts
    this.#endsHelper = parts.endsHelper
  }

  /** Resolves to the exit code, or to START_ANEW. */
  get done(): Promise<number> {
    return this.#done.promise
  }

  obeySignals(): void {
    process.on(HELPER_ENDS, this.#onHelperEnds)
    for (const signal of SIGNALS) process.once(signal, this.#onSignal)
  }

  async stop(code: number): Promise<void> {
    const { loop, state, keeper } = this.#parts
    loop.close()
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
    process.off(HELPER_ENDS, this.#onHelperEnds)
    if (state.loadMembership() !== undefined) keeper.flush()
    await this.#parts.close()
    this.#done.resolve(code)
  }

  async rotate(): Promise<Result<Certificate>> {
    const rotated = await this.#parts.membership.rotate()
    if (rotated.ok) this.#stopSoon(START_ANEW)
    return rotated
  }

  /** Whether a member has heard of it, if there is any. */
  async leave(): Promise<boolean> {
    const { loop, ports, keeper, helper, state } = this.#parts
    loop.dispatch({ kind: 'leave' })
    const settled = Promise.all([delay(FAREWELL_MS), ports.settle(RELEASE_MS)])
    const isHeard = await this.#bidFarewell()
    await settled
    keeper.drop()
    await helper.apply({ device: null, routes: [], peers: [] })
    state.leave()
    this.#stopSoon(0)
    return isHeard
  }

  async #bidFarewell(): Promise<boolean> {
    const { node } = this.#parts
    if (node.peers.size === 0) return true
    const untilMs = performance.now() + LAST_RECORD_MS
    while (node.own?.record.present !== false && performance.now() < untilMs) await delay(20)
    return node.own !== undefined && this.#parts.deliver(node.own.envelope.bytes, FAREWELL_MS_MAX)
  }

  /** Before the helper ends: who uses this hub or gateway, and what the router forwards, would meet nobody. */
  handOver(): Promise<void> {
    this.#handingOver ??= this.#handOverOnce()
    return this.#handingOver
  }

  async #handOverOnce(): Promise<void> {
    const { node, loop, helper, ports } = this.#parts
    await drainBriefly({ node, loop, helper })
    loop.dispatch({ kind: 'release-ports' })
    await ports.settle(RELEASE_MS)
  }

  async #endBySignal(): Promise<void> {
    if (this.#endsHelper) await this.handOver()
    await this.stop(0)
  }

  #stopSoon(code: number): void {
    setTimeout(() => void this.stop(code), FAREWELL_MS)
  }
}
