// SPDX-License-Identifier: Apache-2.0
/** How packets leave a simulated helper: straight, from a punched socket, over TURN, or by way of hubs. */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import type { DesiredPath } from '../../agent/core/helper-contract.ts'
import { type Frame, type Packet, packetBytesOf, type Way } from './frame.ts'
import type { Host, SimulatedNetwork } from './network.ts'
import type { DesiredTurnPath } from './path-model.ts'
import type { TurnModel } from './turn-model.ts'

export interface OutboundOptions {
  readonly network: SimulatedNetwork<Frame>
  readonly host: Host<Frame>
  readonly listenPort: number
  /** Where a peer is reached straight. */
  readonly directOf: (peer: string) => TransportAddress | undefined
  /** By which path over TURN a peer is reached. */
  readonly turnedOf: (peer: string) => DesiredTurnPath | undefined
  readonly turn: Pick<TurnModel, 'send'>
  /** Whether a punched socket is the peer's. */
  readonly owns: (peer: string, socket: number) => boolean
}

export class Outbound {
  readonly #options: OutboundOptions

  constructor(options: OutboundOptions) {
    this.#options = options
  }

  /** False if the path leads nowhere for now. */
  sendOver(path: DesiredPath, packet: Packet): boolean {
    switch (path.kind) {
      case 'direct':
        if (path.socket !== undefined && !this.#options.owns(packet.receiver, path.socket))
          return false
        this.send(path.endpoint, packet, path.socket)
        return true
      case 'relay':
        return this.#sendOverHubs(path.via, packet)
      case 'turn':
        return this.#options.turn.send(path.server, path.endpoint, packet)
      case 'channel':
        // The simulated network has no carriers.
        return false
    }
  }

  /** Back the way that the question came. */
  answer(way: Way, packet: Packet): void {
    switch (way.kind) {
      case 'direct':
        return this.send(way.from, packet, way.socket)
      case 'turn':
        return void this.#options.turn.send(way.server, way.from, packet)
      case 'relay':
        return void this.#sendOverHubs(way.via, packet)
    }
  }

  send(to: TransportAddress, frame: Frame, socket?: number): void {
    const { host, network, listenPort } = this.#options
    const isIpv6 = addressParts(to).family === 'ipv6'
    const ip = host.ips.find((own) => own.includes(':') === isIpv6)
    const from = ip === undefined ? undefined : transportAddress(ip, socket ?? listenPort)
    if (from?.ok === true) network.send(host, from.value, to, frame, packetBytesOf(frame))
  }

  #sendOverHubs(via: readonly string[], packet: Packet): boolean {
    const [hub, otherHub] = via
    if (hub === undefined) return false
    const { sender: source, receiver: destination } = packet
    const hop = { sender: source, receiver: hub }
    const hopsLeft = via.length
    const names = { hop, hopsLeft, destination, source, otherHub }
    const frame = { kind: 'relay', ...names, payload: packet } as const
    const to = this.#options.directOf(hub)
    if (to !== undefined) this.send(to, frame)
    const turned = to === undefined ? this.#options.turnedOf(hub) : undefined
    if (turned !== undefined) this.#options.turn.send(turned.server, turned.endpoint, frame)
    return to !== undefined || turned !== undefined
  }
}
