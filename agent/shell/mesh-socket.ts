// SPDX-License-Identifier: Apache-2.0
/**
 * The socket on our mesh address, on which members ask each other whether they live. It opens once the helper has made the
 * device, and again whenever it is lost; what cannot be sent is lost, as datagrams are.
 */
import { createSocket, type Socket } from 'node:dgram'
import { MESH_PORT, SWIM_BYTES_MAX } from '../../topology/swim-codec.ts'
import type { Node } from '../core/state.ts'
import type { Loop } from './loop.ts'
import { RateLimit } from './underlay/rate-limit.ts'

const RETRY_MS = 1_000

/** A member sends a few a second, and answers those who ask. */
const PER_SECOND_AND_MEMBER = 50

export interface MeshSocketOptions {
  /** Our mesh IPv4 address. */
  readonly address: string
  onState(open: boolean): void
  onDatagram(from: string, payload: Uint8Array): void
}

export class MeshSocket {
  readonly #options: MeshSocketOptions
  readonly #rate = new RateLimit(PER_SECOND_AND_MEMBER)
  #socket: Socket | undefined
  #retry: NodeJS.Timeout | undefined
  #isOpen = false

  constructor(options: MeshSocketOptions) {
    this.#options = options
  }

  open(): void {
    const socket = createSocket('udp4')
    this.#socket = socket
    socket.on('message', (payload, { address, port }) => {
      if (port !== MESH_PORT || payload.length > SWIM_BYTES_MAX) return
      if (this.#rate.take(address)) this.#options.onDatagram(address, new Uint8Array(payload))
    })
    socket.once('listening', () => {
      this.#isOpen = true
      this.#options.onState(true)
    })
    socket.once('error', () => this.#openLater())
    socket.bind({ address: this.#options.address, port: MESH_PORT, exclusive: true })
  }

  send(to: string, payload: Uint8Array): void {
    // No route, no device: the next probe is on its way already.
    if (this.#isOpen) this.#socket?.send(payload, MESH_PORT, to, () => undefined)
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#socket?.removeAllListeners('error')
    this.#socket?.on('error', () => undefined)
    this.#socket?.close()
    this.#socket = undefined
    this.#isOpen = false
  }

  #openLater(): void {
    const wasOpen = this.#isOpen
    this.close()
    if (wasOpen) this.#options.onState(false)
    this.#retry = setTimeout(() => this.open(), RETRY_MS)
    this.#retry.unref()
  }
}

/** The socket of a running agent: what arrives and what becomes of it are events of the core. */
export function agentMeshSocket(node: Node, loop: Pick<Loop, 'dispatch'>): MeshSocket {
  return new MeshSocket({
    address: node.config.certificate.ipv4,
    onState: (open) => loop.dispatch({ kind: 'mesh-socket', open }),
    onDatagram: (from, payload) => loop.dispatch({ kind: 'swim-datagram', from, payload }),
  })
}
