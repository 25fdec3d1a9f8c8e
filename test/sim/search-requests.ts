// SPDX-License-Identifier: Apache-2.0
/** Searches of a helper without a network: they are paced and bounded as native/PROTOCOL.md says, and meet nobody. */
import type { HelperSearch } from '../../agent/core/helper-contract.ts'

const SEARCHES_MAX = 4

export class SearchRequests {
  readonly #emit: (method: string, params: object) => void
  readonly #underWay = new Map<string, { readonly timer: NodeJS.Timeout; readonly end: Ending }>()

  constructor(emit: (method: string, params: object) => void) {
    this.#emit = emit
  }

  /** False if there are too many. */
  begin(search: HelperSearch): boolean {
    const { peer, transaction, sockets, endpoints, durationMs, perSecond } = search
    this.stop(peer)
    if (this.#underWay.size >= SEARCHES_MAX) return false
    const sent = () => {
      const seconds = (performance.now() - startedMs) / 1_000
      const due = 1 + Math.floor(perSecond * (seconds < 1 ? seconds ** 2 / 2 : seconds - 0.5))
      return Math.min(due, sockets > 0 ? sockets : endpoints.length)
    }
    const startedMs = performance.now()
    const end = (result: string) => {
      this.#underWay.delete(peer)
      const probes = sent()
      const counts = { sockets: sockets > 0 ? probes : 0, probes }
      const nowhere = { endpoint: null, socket: null }
      this.#emit('search-ended', { peer, transaction, result, ...counts, ...nowhere })
    }
    const timer = setTimeout(() => end('nothing'), durationMs)
    this.#underWay.set(peer, { timer, end })
    return true
  }

  stop(peer: string): void {
    const search = this.#underWay.get(peer)
    if (search === undefined) return
    clearTimeout(search.timer)
    search.end('stopped')
  }

  /** A search goes with its peer. */
  keep(peers: ReadonlySet<string>): void {
    for (const peer of this.#underWay.keys()) if (!peers.has(peer)) this.stop(peer)
  }

  stopAll(): void {
    for (const peer of this.#underWay.keys()) this.stop(peer)
  }
}

type Ending = (result: string) => void

/** Whether a search is within the protocol's bounds. */
export function isWellFormed(search: Partial<Record<keyof HelperSearch, unknown>>): boolean {
  const within = (value: unknown, min: number, max: number) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  const { transaction, sockets, endpoints, perSecond, durationMs } = search
  return (
    (transaction === undefined ||
      (typeof transaction === 'string' && /^[0-9a-f]{32}$/.test(transaction))) &&
    within(sockets, 0, 256) &&
    Array.isArray(endpoints) &&
    within(endpoints.length, 1, 1_024) &&
    within(perSecond, 1, 200) &&
    within(durationMs, 1, 60_000)
  )
}
