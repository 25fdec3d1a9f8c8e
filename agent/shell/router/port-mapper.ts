// SPDX-License-Identifier: Apache-2.0
/** The sockets of port mapping: whatever the core wants to say to the gateway goes out here, and the answers come back as events. */
import { GATEWAY_PORT, type Gateway } from '../../../nat/gateway-request.ts'
import type { UpnpRequest } from '../../../nat/upnp-request.ts'
import type { Event } from '../../core/event.ts'
import { delay } from '../clock.ts'
import type { DefaultRoute } from './default-gateway.ts'
import { GatewaySocket } from './gateway-socket.ts'
import { UpnpClient } from './upnp-client.ts'

const SETTLE_POLL_MS = 5

export interface PortMapperOptions {
  /** The route to the gateway as of now. */
  findRoute(): DefaultRoute | undefined
  onEvent(event: Event): void
  readonly gatewayPort?: number
  readonly ssdpPort?: number
}

interface Connection {
  readonly gateway: Gateway
  readonly socket: GatewaySocket
  readonly upnp: UpnpClient
}

export class PortMapper {
  readonly #options: PortMapperOptions
  #connection: Connection | undefined
  #unmapsUnderWay = 0
  #looking = false
  #closed = false

  constructor(options: PortMapperOptions) {
    this.#options = options
  }

  /** Looks which gateway there is, and tells the core. Never rejects. */
  async look(): Promise<void> {
    if (this.#looking || this.#closed) return
    this.#looking = true
    const route = this.#options.findRoute()
    const socket = route === undefined ? undefined : await this.#open(route.gateway)
    this.#looking = false
    const local = socket?.local
    if (this.#closed || route === undefined || socket === undefined || local === undefined) {
      socket?.close()
      this.#use(undefined)
      return
    }
    const gateway = { address: route.gateway, local }
    const known = this.#connection?.gateway
    if (known?.address === gateway.address && known.local === gateway.local) socket.close()
    else this.#use({ gateway, socket, upnp: new UpnpClient(gateway, this.#options.ssdpPort) })
  }

  send(payload: Uint8Array): void {
    this.#connection?.socket.send(payload)
  }

  async request(request: UpnpRequest): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    const isUnmap = request.action === 'unmap'
    if (isUnmap) this.#unmapsUnderWay += 1
    const result = await connection.upnp.request(request)
    if (isUnmap) this.#unmapsUnderWay -= 1
    if (connection === this.#connection) this.#options.onEvent({ kind: 'upnp-result', result })
  }

  /** Waits until what was to be given back is given back, as far as can be known. */
  async settle(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    const isBusy = () => this.#unmapsUnderWay > 0 || this.#connection?.socket.isSending === true
    while (isBusy() && performance.now() < deadlineMs) await delay(SETTLE_POLL_MS)
  }

  close(): void {
    this.#closed = true
    this.#connection?.socket.close()
    this.#connection = undefined
  }

  #open(address: string): Promise<GatewaySocket | undefined> {
    return GatewaySocket.open({
      address,
      port: this.#options.gatewayPort ?? GATEWAY_PORT,
      onMessage: (payload) =>
        this.#options.onEvent({ kind: 'gateway-datagram', from: address, payload }),
      onClosed: () => this.#options.onEvent({ kind: 'gateway-closed' }),
    })
  }

  #use(connection: Connection | undefined): void {
    if (this.#closed) return
    this.#connection?.socket.close()
    this.#connection = connection
    this.#options.onEvent({ kind: 'gateway', gateway: connection?.gateway })
  }
}
