// SPDX-License-Identifier: Apache-2.0
/**
 * Shows gossipsub only peers that have proven membership.
 *
 * Scores alone cannot do that: a graylisted peer's subscription is dropped unread and never sent
 * again, so whoever joins late would stay deaf. Instead gossipsub is handed a registrar of its own,
 * which announces a connection once it is admitted, and holds a stream that came too early.
 */
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream, StreamHandler, Topology } from '@libp2p/interface'

type Registrar = GossipSubComponents['registrar']

interface HeldStream {
  readonly stream: Stream
  readonly handler: StreamHandler
}

export class GossipGate {
  readonly #topologies = new Map<string, Topology>()
  readonly #admitted = new Map<string, Connection>()
  readonly #held = new Map<Connection, HeldStream>()
  #nextId = 0

  /** For gossipsub in place of libp2p's own. */
  registrar(inner: Registrar): Registrar {
    return {
      getProtocols: () => inner.getProtocols(),
      getHandler: (protocol) => inner.getHandler(protocol),
      use: (protocol, middleware) => inner.use(protocol, middleware),
      unuse: (protocol) => inner.unuse(protocol),
      getMiddleware: (protocol) => inner.getMiddleware(protocol),
      getTopologies: (protocol) => inner.getTopologies(protocol),
      unhandle: (protocol, options) => inner.unhandle(protocol, options),
      handle: (protocol, handler, options) =>
        inner.handle(protocol, (stream, connection) => this.#receive(stream, connection, handler), {
          ...options,
          // A replaced stream may overlap with its successor; no more than that.
          maxInboundStreams: 2,
        }),
      register: (_protocol, topology) => {
        const id = `gossip-${this.#nextId++}`
        this.#topologies.set(id, topology)
        return Promise.resolve(id)
      },
      unregister: (id) => void this.#topologies.delete(id),
    }
  }

  /**
   * The peer gossips over this connection from now on. Idempotent, and meant to be repeated: a
   * stream that broke is opened anew.
   */
  admit(connection: Connection): void {
    this.#admitted.set(connection.remotePeer.toString(), connection)
    // One is enough: gossipsub registers the same callbacks for each of its protocols.
    const [topology] = this.#topologies.values()
    void topology?.onConnect?.(connection.remotePeer, connection)
    const held = this.#held.get(connection)
    if (held === undefined) return
    this.#held.delete(connection)
    void held.handler(held.stream, connection)
  }

  /** `peer`: a peer id in text form. */
  isAdmitted(peer: string): boolean {
    return this.#admitted.has(peer)
  }

  dismiss(peer: PeerId): void {
    if (!this.#admitted.delete(peer.toString())) return
    const [topology] = this.#topologies.values()
    void topology?.onDisconnect?.(peer)
  }

  /** Lets go of what a connection that is closed was holding. */
  forget(connection: Connection): void {
    this.#held.delete(connection)
  }

  #receive(stream: Stream, connection: Connection, handler: StreamHandler): void | Promise<void> {
    if (this.#admitted.has(connection.remotePeer.toString())) return handler(stream, connection)
    if (this.#held.has(connection)) return stream.abort(new Error('not a member yet'))
    // Unread bytes stay in the stream's own bounded buffer until the peer is admitted.
    this.#held.set(connection, { stream, handler })
  }
}
