// SPDX-License-Identifier: Apache-2.0
/** How the helper keeps its allocations on TURN servers, and whom it has them let in (native/PROTOCOL.md, TURN servers). */
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import type {
  DesiredPeer,
  DesiredState,
  HelperEvent,
  HelperTurnServer,
} from '../../agent/core/helper-contract.ts'
import type { Frame } from './frame.ts'
import { unallocated } from './idle-state.ts'
import type { Host } from './network.ts'
import type { Allocation, SimulatedTurnServer } from './turn-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A connection, its TLS handshake, and a request that is asked for a password: round trips. */
const ALLOCATE_TRIPS = 4

export interface TurnModelOptions {
  readonly clock: VirtualClock
  readonly host: Host<Frame>
  /** Where all URLs lead; undefined: nobody answers. */
  readonly server: SimulatedTurnServer | undefined
  readonly emit: (event: HelperEvent) => void
  readonly receive: (server: string, frame: Frame, from: TransportAddress) => void
  /** An allocation is there: paths over it can be asked. */
  readonly onUp: () => void
}

export class TurnModel {
  readonly #options: TurnModelOptions
  readonly #allocations = new Map<string, Allocation>()
  readonly #states = new Map<string, HelperTurnServer>()
  #peers: readonly DesiredPeer[] = []

  constructor(options: TurnModelOptions) {
    this.#options = options
  }

  keep({ turn = [], peers }: DesiredState): void {
    this.#peers = peers
    const { server, clock, host } = this.#options
    for (const id of this.#states.keys())
      if (!turn.some((wanted) => wanted.id === id)) {
        this.#states.delete(id)
        this.#allocations.delete(id)
      }
    for (const wanted of turn) {
      if (this.#states.has(wanted.id)) continue
      this.#states.set(wanted.id, unallocated(wanted))
      if (server !== undefined)
        clock.after(2 * host.delayMs * ALLOCATE_TRIPS, () => this.#allocate(server, wanted.id))
    }
    this.#permit()
  }

  get states(): HelperTurnServer[] {
    return [...this.#states.values()]
  }

  /** False if there is no allocation there. */
  send(server: string, to: TransportAddress, frame: Frame): boolean {
    const allocation = this.#allocations.get(server)
    allocation?.send(to, frame)
    return allocation !== undefined
  }

  #allocate(server: SimulatedTurnServer, id: string): void {
    const known = this.#states.get(id)
    if (known === undefined || this.#allocations.has(id)) return
    const { host, emit, receive, onUp } = this.#options
    const allocation = server.allocate(host, (frame, from) => receive(id, frame, from))
    this.#allocations.set(id, allocation)
    const state: HelperTurnServer = { ...known, state: 'up', relayed: allocation.relayed }
    this.#states.set(id, state)
    this.#permit()
    emit({ method: 'turn-changed', server: state })
    onUp()
  }

  /** The ends of the paths over a server, and all other addresses of the same peers. */
  #permit(): void {
    for (const [id, allocation] of this.#allocations) {
      const served = this.#peers.filter(({ paths }) =>
        paths.some((path) => path.kind === 'turn' && path.server === id),
      )
      const endpoints = served.flatMap(({ paths }) =>
        paths.flatMap((path) => ('endpoint' in path ? [path.endpoint] : [])),
      )
      allocation.permit(new Set(endpoints.map((endpoint) => addressParts(endpoint).ip)))
    }
  }
}
