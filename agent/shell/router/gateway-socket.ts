// SPDX-License-Identifier: Apache-2.0
/** A UDP socket to one gateway's PCP and NAT-PMP port. Connected: the kernel drops what anybody else sends. */
import { createSocket, type Socket } from 'node:dgram'
import { canonicalIp } from '../../../nat/address.ts'

/** RFC 6887 section 7 */
const MESSAGE_BYTES_MAX = 1_100

export interface GatewaySocketOptions {
  /** With a zone if it is link-local. */
  readonly address: string
  readonly port: number
  /** The address to send from; left out: as the route says. */
  readonly local?: string
  onMessage(payload: Uint8Array): void
  /** The gateway says that nobody listens there. */
  onClosed(): void
}

export class GatewaySocket {
  readonly #socket: Socket
  readonly #options: GatewaySocketOptions
  #sending = 0

  /** Undefined if there is no way to the gateway. */
  static async open(options: GatewaySocketOptions): Promise<GatewaySocket | undefined> {
    const socket = createSocket(options.address.includes(':') ? 'udp6' : 'udp4')
    const opened = new GatewaySocket(socket, options)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    socket.once('error', () => resolve(false))
    socket.once('connect', () => resolve(true))
    socket.bind(
      { port: 0, ...(options.local === undefined ? {} : { address: options.local }) },
      () => socket.connect(options.port, options.address),
    )
    if (await promise) return opened
    socket.close()
    return undefined
  }

  private constructor(socket: Socket, options: GatewaySocketOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('message', (message) => {
      // A copy: the buffer is one of a pool.
      if (message.length <= MESSAGE_BYTES_MAX) options.onMessage(Uint8Array.from(message))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error))
  }

  /** Our own address on the way to the gateway. */
  get local(): string | undefined {
    const local = canonicalIp(this.#socket.address().address)
    return local.ok ? local.value : undefined
  }

  get isSending(): boolean {
    return this.#sending > 0
  }

  send(payload: Uint8Array): void {
    this.#sending += 1
    this.#socket.send(payload, (error) => {
      this.#sending -= 1
      if (error !== null) this.#failed(error)
    })
  }

  close(): void {
    this.#socket.removeAllListeners('message')
    this.#socket.close()
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'ECONNREFUSED') this.#options.onClosed()
  }
}
