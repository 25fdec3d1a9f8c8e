// SPDX-License-Identifier: Apache-2.0
/** Finds the description of the gateway's UPnP device. What anybody else on the network answers is not read. */
import { createSocket } from 'node:dgram'
import {
  decodeSsdpAnswer,
  encodeSsdpSearch,
  SSDP_GROUP,
  SSDP_PORT,
  SSDP_TARGETS,
} from '../../../nat/ssdp-codec.ts'
import type { Gateway } from '../../../nat/gateway-request.ts'
import { type GatewayUrl, gatewayUrl } from '../../../nat/upnp-description.ts'

/** The gateway itself is asked first; most answer that. */
const UNICAST_MS = 500
/** MX is one second, and then the answer has to arrive. */
const SEARCH_MS = 2_000
/** Each of a router's devices and services may answer. */
const LOCATIONS_MAX = 4

/** The places that the gateway names, in the order in which it named them. Never rejects. */
export function searchGateway(gateway: Gateway, port = SSDP_PORT): Promise<GatewayUrl[]> {
  const { promise, resolve } = Promise.withResolvers<GatewayUrl[]>()
  const socket = createSocket('udp4')
  const found = new Map<string, GatewayUrl>()
  const timers: NodeJS.Timeout[] = []
  const finish = () => {
    for (const timer of timers) clearTimeout(timer)
    socket.removeAllListeners()
    // A datagram on its way may still fail.
    socket.on('error', () => undefined)
    socket.close()
    resolve([...found.values()])
  }
  const ask = (address: string) => {
    // Nobody to tell: whoever does not hear the question gives no answer.
    for (const target of SSDP_TARGETS) {
      socket.send(encodeSsdpSearch(target), port, address, () => undefined)
    }
  }
  socket.once('error', finish)
  socket.on('message', (message, { address }) => {
    const answer = address === gateway.address ? decodeSsdpAnswer(message) : undefined
    const url = answer?.ok === true ? gatewayUrl(answer.value.location, gateway.address) : undefined
    if (url === undefined || found.size >= LOCATIONS_MAX) return
    found.set(`${url.port}${url.path}`, url)
    // What else it has to say comes right behind.
    if (found.size === 1) timers.push(setTimeout(finish, 100))
  })
  socket.bind({ address: gateway.local, port: 0 }, () => {
    ask(gateway.address)
    timers.push(
      setTimeout(() => {
        if (found.size > 0) return
        try {
          socket.setMulticastInterface(gateway.local)
          socket.setMulticastTTL(2)
          ask(SSDP_GROUP)
        } catch {
          // The host has changed networks meanwhile, and the address is not its own any more.
          finish()
        }
      }, UNICAST_MS),
      setTimeout(finish, SEARCH_MS),
    )
  })
  return promise
}
