// SPDX-License-Identifier: Apache-2.0
import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../../../topology/identity.ts'
import { nodeIdOf } from './underlay-node.ts'

/** What is on its way over a surplus connection should arrive before it is closed. */
const SURPLUS_GRACE_MS = 200
/** By then the side that decides about it should have closed it. */
const SURPLUS_GRACE_OTHER_SIDE_MS = 1_500

interface Neighbour {
  readonly sinceMs: number
  /** Those over the mesh first, then the others; newest last. */
  connections: Connection[]
}

export interface MembersOptions {
  readonly self: NodeId
  /** Whether a connection rides a tunnel of the mesh. */
  isMesh(connection: Connection): boolean
  onUp(node: NodeId): void
  onDown(node: NodeId): void
  /** Over which connection the neighbour is to be spoken to from now on. */
  onPreferred(node: NodeId, connection: Connection): void
}

/**
 * Connections whose peer has proven membership, by node. Two hosts that dial each other at once end
 * up with two connections: the newest stays, because it is the one that was alive last. The node
 * with the lower id closes the others; the other node does so only if that fails to happen. Over the mesh
 * no connection stays beside one that is not.
 */
export class Members {
  readonly #options: MembersOptions
  readonly #neighbours = new Map<NodeId, Neighbour>()
  readonly #waiting = new Map<Connection, ((node: NodeId | undefined) => void)[]>()

  constructor(options: MembersOptions) {
    this.#options = options
  }

  admit(connection: Connection, node: NodeId): void {
    const known = this.#neighbours.get(node)
    if (connection.status !== 'open' || known?.connections.includes(connection) === true) return
    const neighbour = known ?? { sinceMs: performance.now(), connections: [] }
    const all = [...neighbour.connections, connection]
    const isMesh = (on: Connection) => this.#options.isMesh(on)
    neighbour.connections = [...all.filter(isMesh), ...all.filter((on) => !isMesh(on))]
    this.#neighbours.set(node, neighbour)
    this.#options.onPreferred(node, neighbour.connections.at(-1) ?? connection)
    for (const resolve of this.#waiting.get(connection) ?? []) resolve(node)
    this.#waiting.delete(connection)
    if (known === undefined) this.#options.onUp(node)
    else this.#closeSurplusLater(node)
  }

  /** A connection has closed. */
  remove(connection: Connection, node: NodeId | undefined): void {
    for (const resolve of this.#waiting.get(connection) ?? []) resolve(undefined)
    this.#waiting.delete(connection)
    const neighbour = node === undefined ? undefined : this.#neighbours.get(node)
    if (node === undefined || neighbour?.connections.includes(connection) !== true) return
    neighbour.connections = neighbour.connections.filter((other) => other !== connection)
    const next = neighbour.connections.at(-1)
    if (next !== undefined) return this.#options.onPreferred(node, next)
    this.#neighbours.delete(node)
    this.#options.onDown(node)
  }

  /** The member at the other end; undefined as long as it has not proven that it is one. */
  memberOf(connection: Connection): NodeId | undefined {
    const node = nodeIdOf(connection.remotePeer)
    return this.#isMember(connection, node) ? node : undefined
  }

  #isMember(connection: Connection, node: NodeId | undefined): boolean {
    return (
      node !== undefined && this.#neighbours.get(node)?.connections.includes(connection) === true
    )
  }

  has(node: NodeId): boolean {
    return this.#neighbours.has(node)
  }

  /** Whether there is a connection to the node that does not ride a tunnel. */
  hasUnderlay(node: NodeId): boolean {
    const preferred = this.connectionTo(node)
    return preferred !== undefined && !this.#options.isMesh(preferred)
  }

  hasAnyUnderlay(): boolean {
    for (const node of this.#neighbours.keys()) if (this.hasUnderlay(node)) return true
    return false
  }

  /** All connections over the mesh. */
  meshConnections(): Connection[] {
    return [...this.#neighbours.values()].flatMap(({ connections }) =>
      connections.filter((on) => this.#options.isMesh(on)),
    )
  }

  /** The connection to use; undefined if the node is no neighbour. */
  connectionTo(node: NodeId): Connection | undefined {
    return this.#neighbours.get(node)?.connections.at(-1)
  }

  ageMs(node: NodeId): number {
    return performance.now() - (this.#neighbours.get(node)?.sinceMs ?? performance.now())
  }

  /** Sorted, so that whoever prints or compares them sees no change where there is none. */
  nodes(): NodeId[] {
    return [...this.#neighbours.keys()].sort()
  }

  /** Resolves once the connection's peer is a member, or with undefined once it has closed. */
  whenMember(connection: Connection, node: NodeId | undefined): Promise<NodeId | undefined> {
    if (this.#isMember(connection, node)) return Promise.resolve(node)
    if (connection.status !== 'open') return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting.set(connection, [...(this.#waiting.get(connection) ?? []), resolve])
    })
  }

  #closeSurplusLater(node: NodeId): void {
    const decides = this.#options.self < node
    const timer = setTimeout(
      () => {
        const surplus = this.#neighbours.get(node)?.connections.slice(0, -1) ?? []
        for (const connection of surplus) connection.abort(new Error('a newer connection stands'))
      },
      decides ? SURPLUS_GRACE_MS : SURPLUS_GRACE_OTHER_SIDE_MS,
    )
    timer.unref()
  }
}
