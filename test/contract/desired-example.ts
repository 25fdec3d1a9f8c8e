// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto'
import { parseTransportAddress, type TransportAddress } from '../../nat/address.ts'
import type { DesiredPeer, DesiredState } from '../../agent/core/helper-contract.ts'

/** A device and one peer at an address that answers nobody (RFC 5737). */
export function exampleDesired(): DesiredState {
  return {
    device: {
      name: 'meshgate-test',
      mtu: 1280,
      listenPort: 0,
      privateKey: newKeyPair().privateKey,
      probeKey: newKeyPair().privateKey,
      addresses: ['10.213.0.1/16', 'fd21:3456:789a::1/48'],
      stunServer: true,
      relay: false,
    },
    routes: [],
    peers: [newPeer(2)],
  }
}

export function newPeer(host: number): DesiredPeer {
  const endpoint = exampleEndpoint(host)
  return {
    publicKey: newKeyPair().publicKey,
    probeKey: newKeyPair().publicKey,
    allowedIps: [`10.213.0.${host}/32`, `fd21:3456:789a::${host}/128`],
    echoAddress: `10.213.0.${host}`,
    keepaliveMs: 25_000,
    paths: [{ id: `direct:${endpoint}`, kind: 'direct', endpoint }],
  }
}

/** Where the peer of that number is tried. */
export function exampleEndpoint(host: number): TransportAddress {
  return address(`192.0.2.${host}:41820`)
}

function newKeyPair(): { publicKey: string; privateKey: string } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const standard = (part: string | undefined) =>
    Buffer.from(part ?? '', 'base64url').toString('base64')
  return { publicKey: standard(jwk.x), privateKey: standard(jwk.d) }
}

function address(text: string): TransportAddress {
  const parsed = parseTransportAddress(text)
  if (!parsed.ok) throw new Error(`not a transport address: ${text}`)
  return parsed.value
}
