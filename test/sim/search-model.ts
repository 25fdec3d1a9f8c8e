// SPDX-License-Identifier: Apache-2.0
/** How the helper searches for ways through hard NATs, and keeps the sockets that were met (native/PROTOCOL.md, Searches). */
import type { TransportAddress } from '../../nat/address.ts'
import type { DesiredPeer, HelperEvent, HelperSearch } from '../../agent/core/helper-contract.ts'
import type { Alarm, VirtualClock } from './virtual-clock.ts'

const UNCLAIMED_MS = 10_000
const SEARCHES_MAX = 4
const FIRST_PORT = 32_768
const PORTS = 16_384

interface Search {
  readonly request: HelperSearch
  readonly sockets: Set<number>
  readonly asked: Set<TransportAddress>
  readonly alarms: Alarm[]
  probes: number
}

interface Punched {
  readonly peer: string
  readonly endpoint: TransportAddress
  readonly untilMs: number
}

export interface SearchModelOptions {
  readonly clock: VirtualClock
  readonly emit: (event: HelperEvent) => void
  readonly knowsNames: () => boolean
  readonly open: (socket: number) => void
  readonly close: (socket: number) => void
  /** A probe to a peer, from a socket or from the one port. */
  readonly probe: (peer: string, to: TransportAddress, socket: number | undefined) => void
}

export class SearchModel {
  readonly #options: SearchModelOptions
  readonly #searches = new Map<string, Search>()
  readonly #punched = new Map<number, Punched>()
  #opened = 0
  /** Beyond the protocol's bounds, or more than an older helper knows. */
  refused = 0

  constructor(options: SearchModelOptions) {
    this.#options = options
  }

  begin(request: HelperSearch): void {
    const { peer, transaction, sockets, endpoints, durationMs } = request
    const isUnknown = transaction !== undefined && !this.#options.knowsNames()
    if (!isUnknown) this.stop(peer)
    if (isUnknown || this.#searches.size >= SEARCHES_MAX) {
      this.refused += 1
      return
    }
    const search: Search = {
      request,
      sockets: new Set(),
      asked: new Set(),
      alarms: [],
      probes: 0,
    }
    this.#searches.set(peer, search)
    const { clock } = this.#options
    const probes = sockets > 0 ? sockets : endpoints.length
    for (let i = 0; i < probes; i++)
      search.alarms.push(clock.after(dueMs(request, i), () => this.#probe(search, i)))
    search.alarms.push(clock.after(durationMs, () => this.#end(search, { result: 'nothing' })))
  }

  stop(peer: string): void {
    const search = this.#searches.get(peer)
    if (search !== undefined) this.#end(search, { result: 'stopped' })
  }

  /** A genuine probe or answer of the peer has arrived. */
  met(peer: string, endpoint: TransportAddress, socket: number | undefined): void {
    const search = this.#searches.get(peer)
    if (search === undefined) return
    if (socket === undefined) {
      if (search.asked.has(endpoint) && search.request.sockets === 0)
        this.#end(search, { result: 'found', endpoint })
    } else if (search.sockets.delete(socket)) {
      const untilMs = this.#options.clock.nowMs + UNCLAIMED_MS
      this.#punched.set(socket, { peer, endpoint, untilMs })
      this.#end(search, { result: 'found', endpoint, socket })
    }
  }

  /** Whether a peer may be heard at a socket. */
  owns(peer: string, socket: number): boolean {
    return (
      this.#punched.get(socket)?.peer === peer ||
      this.#searches.get(peer)?.sockets.has(socket) === true
    )
  }

  /** Closes the sockets that no path names, and ends the searches for those who are no peers. */
  keep(desired: readonly DesiredPeer[]): void {
    const peers = new Map(desired.map(({ publicKey, paths }) => [publicKey, paths]))
    for (const peer of this.#searches.keys()) if (!peers.has(peer)) this.stop(peer)
    for (const [socket, { peer, untilMs }] of this.#punched) {
      const paths = peers.get(peer)
      const isNamed = paths?.some((path) => path.kind === 'direct' && path.socket === socket)
      const isYoung = paths !== undefined && this.#options.clock.nowMs < untilMs
      if (isNamed !== true && !isYoung) this.#close(socket)
    }
  }

  /** With the helper go its sockets. */
  restart(): void {
    for (const search of this.#searches.values()) this.#release(search)
    this.#searches.clear()
    for (const socket of this.#punched.keys()) this.#close(socket)
  }

  #probe(search: Search, index: number): void {
    const { peer, sockets, endpoints } = search.request
    const to = endpoints[index % endpoints.length]!
    search.probes += 1
    search.asked.add(to)
    if (sockets === 0) return this.#options.probe(peer, to, undefined)
    const socket = FIRST_PORT + (this.#opened++ % PORTS)
    search.sockets.add(socket)
    this.#options.open(socket)
    this.#options.probe(peer, to, socket)
  }

  #end(
    search: Search,
    {
      result,
      endpoint = null,
      socket = null,
    }: {
      result: 'found' | 'nothing' | 'stopped'
      endpoint?: TransportAddress | null
      socket?: number | null
    },
  ): void {
    const { request, probes } = search
    this.#searches.delete(request.peer)
    this.#release(search)
    const sockets = request.sockets > 0 ? probes : 0
    const { peer, transaction } = request
    const counts = { sockets, probes }
    this.#options.emit({
      method: 'search-ended',
      peer,
      transaction,
      result,
      ...counts,
      endpoint,
      socket,
    })
  }

  #release(search: Search): void {
    for (const alarm of search.alarms) alarm.cancelled = true
    for (const socket of search.sockets) this.#options.close(socket)
  }

  #close(socket: number): void {
    this.#punched.delete(socket)
    this.#options.close(socket)
  }
}

/** When a probe is due: the pace is reached evenly within the first second. */
function dueMs({ perSecond }: HelperSearch, index: number): number {
  const seconds =
    index < perSecond / 2 ? Math.sqrt((2 * index) / perSecond) : 0.5 + index / perSecond
  return 1_000 * seconds
}
