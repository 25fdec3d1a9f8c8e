// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps a link to each of the nodes that it is told to. libp2p 3 dials nothing by itself, and its
 * own reconnection gives up after a while; this one never does.
 */
import type { NodeId } from '../../../topology/identity.ts'
import { delay } from '../clock.ts'
import { jitter } from '../entropy.ts'

export const BACKOFF_MS_MIN = 250
export const BACKOFF_MS_MAX = 30_000
/** A link that lasted this long was a good one: the next attempt after it is quick again. */
const GOOD_LINK_MS = 5_000
/**
 * One that came up and was lost soon shows that there is somebody who answers: it raises the pause no further than this
 * many doublings. Where another host has this one's keys, the two take each link over from each other, and it is by
 * dialling that the loser hears of it, or that both are out.
 */
const SHORT_LINK_DOUBLINGS_MAX = 4
/** So long is the longest pause after a link that came up. */
export const SHORT_LINK_PAUSE_MS_MAX = BACKOFF_MS_MIN * 2 ** SHORT_LINK_DOUBLINGS_MAX * 1.5

export interface SupervisorTarget {
  readonly node: NodeId
  /** Multiaddrs without /p2p. */
  readonly dialAddresses: readonly string[]
}

export interface SupervisorOptions {
  isUp(node: NodeId): boolean
  /** Resolves once the link is up or the attempt has failed; never rejects. */
  dial(target: SupervisorTarget, signal: AbortSignal): Promise<void>
}

interface Keeper {
  target: SupervisorTarget
  readonly stop: AbortController
  /** Ends the current wait early. */
  wake: AbortController
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #keepers = new Map<NodeId, Keeper>()

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** Replaces all targets. New addresses of a target are tried at once. */
  setTargets(targets: readonly SupervisorTarget[]): void {
    const wanted = new Map(targets.map((target) => [target.node, target]))
    for (const [node, keeper] of this.#keepers) if (!wanted.has(node)) this.#drop(node, keeper)
    for (const target of wanted.values()) this.#keep(target)
  }

  /** A link came or went: whoever waits for it looks again now. */
  notice(node: NodeId): void {
    this.#keepers.get(node)?.wake.abort()
  }

  close(): void {
    for (const [node, keeper] of this.#keepers) this.#drop(node, keeper)
  }

  #keep(target: SupervisorTarget): void {
    const known = this.#keepers.get(target.node)
    if (known === undefined) {
      const keeper = { target, stop: new AbortController(), wake: new AbortController() }
      this.#keepers.set(target.node, keeper)
      void this.#run(keeper)
      return
    }
    const changed = known.target.dialAddresses.join() !== target.dialAddresses.join()
    known.target = target
    if (changed) known.wake.abort()
  }

  #drop(node: NodeId, keeper: Keeper): void {
    this.#keepers.delete(node)
    keeper.stop.abort()
    keeper.wake.abort()
  }

  async #run(keeper: Keeper): Promise<void> {
    const { node } = keeper.target
    const stopped = keeper.stop.signal
    let failures = 0
    while (!stopped.aborted) {
      keeper.wake = new AbortController()
      if (this.#options.isUp(node)) {
        const sinceMs = performance.now()
        await this.#lasts(keeper)
        const isGood = performance.now() - sinceMs >= GOOD_LINK_MS
        failures = isGood ? 0 : Math.min(failures, SHORT_LINK_DOUBLINGS_MAX)
        // The other side may be dialling too, or may be restarting.
        await delay(backoffMs(failures++), stopped)
        continue
      }
      await this.#options.dial(keeper.target, stopped)
      if (!this.#options.isUp(node)) await delay(backoffMs(failures++), keeper.wake.signal)
    }
  }

  async #lasts(keeper: Keeper): Promise<void> {
    while (this.#options.isUp(keeper.target.node) && !keeper.stop.signal.aborted) {
      keeper.wake = new AbortController()
      await delay(BACKOFF_MS_MAX, keeper.wake.signal)
    }
  }
}

/** Doubles up to its cap, spread by half either way so that a network does not dial in step. */
function backoffMs(failures: number): number {
  const mean = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(failures, 16))
  return mean * (0.5 + jitter())
}
