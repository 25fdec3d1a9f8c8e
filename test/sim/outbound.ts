// SPDX-License-Identifier: Apache-2.0
/** How packets leave a simulated helper: straight, from a punched socket, or by way of hubs. */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import type { DesiredPath } from '../../agent/core/helper-contract.ts'
import { type Frame, type Packet, packetBytesOf } from './frame.ts'
import type { Host, SimulatedNetwork } from './network.ts'

export interface OutboundOptions {
  readonly network: SimulatedNetwork<Frame>
  readonly host: Host<Frame>
  readonly listenPort: number
  /** Where a peer is reached straight. */
  readonly directOf: (peer: string) => TransportAddress | undefined
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
      case 'channel':
        // The simulated network has no such servers, and no carriers.
        return false
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
    const to = hub === undefined ? undefined : this.#options.directOf(hub)
    if (hub === undefined || to === undefined) return false
    const { sender: source, receiver: destination } = packet
    const hop = { sender: source, receiver: hub }
    const hopsLeft = via.length
    const names = { hop, hopsLeft, destination, source, otherHub }
    this.send(to, { kind: 'relay', ...names, payload: packet })
    return true
  }
}
