// SPDX-License-Identifier: Apache-2.0
/** UDP sockets beside the one port (nat/side-socket.ts) of a simulated host. */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { SIDE_SOCKETS_MAX, type SideMessage, type SideSocket } from '../../nat/side-socket.ts'
import type { Frame } from './frame.ts'
import type { Host, SimulatedNetwork } from './network.ts'

const FIRST_PORT = 50_000

type Receive = (socket: SideSocket, from: TransportAddress, payload: Uint8Array) => void

export class SideSocketModel {
  readonly #network: SimulatedNetwork<Frame>
  readonly #host: Host<Frame>
  readonly #onDatagram: Receive
  readonly #ports = new Map<SideSocket, number>()
  #opened = 0

  constructor(network: SimulatedNetwork<Frame>, host: Host<Frame>, onDatagram: Receive) {
    this.#network = network
    this.#host = host
    this.#onDatagram = onDatagram
  }

  perform(message: SideMessage): void {
    if (message.kind === 'close') return this.#close(message.socket)
    const port = this.#ports.get(message.socket) ?? this.#open(message.socket)
    const isIpv6 = addressParts(message.to).family === 'ipv6'
    const ip = this.#host.ips.find((own) => own.includes(':') === isIpv6)
    const from = ip === undefined ? undefined : transportAddress(ip, port)
    if (from?.ok === true)
      this.#network.send(this.#host, from.value, message.to, {
        kind: 'stun',
        payload: message.payload,
      })
  }

  #open(socket: SideSocket): number {
    if (this.#ports.size >= SIDE_SOCKETS_MAX) throw new Error('too many side sockets')
    const port = FIRST_PORT + (this.#opened++ % 10_000)
    this.#ports.set(socket, port)
    this.#host.ports.set(port, (frame, from) => {
      if (frame.kind === 'stun') this.#onDatagram(socket, from, frame.payload)
    })
    return port
  }

  #close(socket: SideSocket): void {
    const port = this.#ports.get(socket)
    this.#ports.delete(socket)
    if (port !== undefined) this.#host.ports.delete(port)
  }
}
