// SPDX-License-Identifier: Apache-2.0
/** One request to a gateway, in the words of each protocol. */
import { encodeNatPmpAddressRequest, encodeNatPmpMap } from './nat-pmp-codec.ts'
import { encodePcpMap, PROTOCOL_NUMBERS } from './pcp-codec.ts'
import type { Lease } from './port-lease.ts'
import type { UpnpRequest } from './upnp-request.ts'

export type MappingProtocol = 'pcp' | 'nat-pmp' | 'upnp'

/** A router, and our own address on the way to it; both canonical. */
export interface Gateway {
  readonly address: string
  readonly local: string
}

export type GatewayRequest =
  | { readonly kind: 'datagram'; readonly payload: Uint8Array }
  | { readonly kind: 'upnp'; readonly request: UpnpRequest }

/** The port of PCP and NAT-PMP servers. */
export const GATEWAY_PORT = 5_351

/** NAT-PMP's question for the external address, which also tells whether it is spoken. */
export function addressRequest(): GatewayRequest {
  return { kind: 'datagram', payload: encodeNatPmpAddressRequest() }
}

/** `lifetimeS` 0 gives the mapping back. */
export function mapRequest(
  gateway: Gateway,
  protocol: MappingProtocol,
  { transport, internalPort, grant, wish }: Lease,
  nonce: Uint8Array,
  lifetimeS: number,
): GatewayRequest {
  switch (protocol) {
    case 'pcp': {
      const payload = encodePcpMap({
        lifetimeS,
        clientIp: gateway.local,
        nonce,
        protocol: PROTOCOL_NUMBERS[transport],
        internalPort,
        suggestedPort: wish,
        suggestedIp: grant?.ip,
      })
      return { kind: 'datagram', payload }
    }
    case 'nat-pmp': {
      // RFC 6886 section 3.4: who deletes suggests no port.
      const suggestedPort = lifetimeS === 0 ? 0 : wish
      const payload = encodeNatPmpMap({ transport, internalPort, suggestedPort, lifetimeS })
      return { kind: 'datagram', payload }
    }
    case 'upnp': {
      const action = lifetimeS === 0 ? ('unmap' as const) : ('map' as const)
      const wanted = { transport, internalPort, externalPort: wish, lifetimeS }
      return { kind: 'upnp', request: { action, ...wanted } }
    }
  }
}
