// SPDX-License-Identifier: Apache-2.0
/** UDP sockets beside the one port (nat/side-socket.ts), each with a port that the kernel chooses. */
import { createSocket, type Socket } from 'node:dgram'
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { SIDE_SOCKETS_MAX, type SideMessage, type SideSocket } from '../../nat/side-socket.ts'

/** More than any STUN message has. */
const DATAGRAM_BYTES_MAX = 1_500

type Receive = (socket: SideSocket, from: TransportAddress, payload: Uint8Array) => void

export class SideSockets {
  readonly #onDatagram: Receive
  readonly #sockets = new Map<SideSocket, Socket>()

  constructor(onDatagram: Receive) {
    this.#onDatagram = onDatagram
  }

  /** What cannot be sent is lost, as on the way. */
  perform(message: SideMessage): void {
    if (message.kind === 'close') return this.#close(message.socket)
    const { ip, port, family } = addressParts(message.to)
    const socket = this.#sockets.get(message.socket) ?? this.#open(message.socket, family)
    socket?.send(message.payload, port, ip, () => undefined)
  }

  close(): void {
    for (const name of this.#sockets.keys()) this.#close(name)
  }

  #open(name: SideSocket, family: 'ipv4' | 'ipv6'): Socket | undefined {
    if (this.#sockets.size >= SIDE_SOCKETS_MAX) return undefined
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6')
    this.#sockets.set(name, socket)
    socket.on('error', () => this.#close(name))
    socket.on('message', (message, { address, port }) => {
      const from = transportAddress(address, port)
      // A copy: the buffer is one of a pool.
      if (from.ok && message.length <= DATAGRAM_BYTES_MAX)
        this.#onDatagram(name, from.value, Uint8Array.from(message))
    })
    return socket
  }

  #close(name: SideSocket): void {
    const socket = this.#sockets.get(name)
    this.#sockets.delete(name)
    socket?.removeAllListeners('message')
    socket?.close()
  }
}
