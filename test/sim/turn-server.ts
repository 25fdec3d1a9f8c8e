// SPDX-License-Identifier: Apache-2.0
/**
 * A TURN server (RFC 8656) on the simulated internet. Its clients come by TLS on port 443, which every simulated NAT lets out
 * and nothing loses; between it and peers everything is UDP.
 */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { type Frame, packetBytesOf } from './frame.ts'
import type { Host, SimulatedNetwork } from './network.ts'
import type { VirtualClock } from './virtual-clock.ts'

const FIRST_PORT = 49_152

export class SimulatedTurnServer {
  readonly #clock: VirtualClock
  readonly #network: SimulatedNetwork<Frame>
  readonly #host: Host<Frame>
  #nextPort = FIRST_PORT

  constructor(clock: VirtualClock, network: SimulatedNetwork<Frame>, ip: string, delayMs = 20) {
    this.#clock = clock
    this.#network = network
    this.#host = network.host('turn', network.internet, [ip], delayMs)
  }

  get ip(): string {
    return this.#host.ips[0]!
  }

  allocate(client: Host<Frame>, receive: Means['receive']): Allocation {
    const address = transportAddress(this.ip, this.#nextPort++)
    if (!address.ok) throw new Error('no port is left')
    const [clock, network, host] = [this.#clock, this.#network, this.#host]
    const overTls = (then: () => void) => clock.after(client.delayMs + host.delayMs, then)
    return new Allocation(address.value, { network, host, overTls, receive })
  }
}

interface Means {
  readonly network: SimulatedNetwork<Frame>
  readonly host: Host<Frame>
  /** After the time that it takes to or from the client. */
  readonly overTls: (then: () => void) => void
  readonly receive: (frame: Frame, from: TransportAddress) => void
}

export class Allocation {
  readonly relayed: TransportAddress
  readonly #means: Means
  #permitted: ReadonlySet<string> = new Set()

  constructor(relayed: TransportAddress, means: Means) {
    this.relayed = relayed
    this.#means = means
    const { host, overTls, receive } = means
    host.ports.set(addressParts(relayed).port, (frame, from) => {
      if (this.#permitted.has(addressParts(from).ip)) overTls(() => receive(frame, from))
    })
  }

  /** Lets in what comes from these addresses, from any port, and from nowhere else. */
  permit(ips: ReadonlySet<string>): void {
    this.#means.overTls(() => {
      this.#permitted = ips
    })
  }

  send(to: TransportAddress, frame: Frame): void {
    const { network, host, overTls } = this.#means
    overTls(() => {
      // Who was not let in is not written to, either (section 9).
      if (this.#permitted.has(addressParts(to).ip))
        network.send(host, this.relayed, to, frame, packetBytesOf(frame))
    })
  }
}
