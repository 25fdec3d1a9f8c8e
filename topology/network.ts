// SPDX-License-Identifier: Apache-2.0
import { err, ok, type Result } from '../nat/result.ts'
import { sameBytes } from './canonical-cbor.ts'
import { bytes, decodeAs, encodeAs, hex, type Schema, struct, text } from './cbor-schema.ts'
import type { Crypto } from './crypto.ts'
import { isHostName } from './host-name.ts'
import { KEY_BYTES, NETWORK_ID_BYTES, type NetworkId, networkIdOf } from './identity.ts'
import { ipv6PrefixOf } from './overlay-address.ts'
import { parsePrefix, prefixesOverlap, prefixOf } from './prefix.ts'

/** What every member knows of its network; handed out with the first certificate. */
export interface Network {
  readonly id: NetworkId
  readonly name: string
  /** Ed25519 public key, 32 bytes. The id is derived from it, so a network certifies itself. */
  readonly authorityKey: Uint8Array
  /** Canonical CIDR, by default a random 10.x.0.0/16. */
  readonly ipv4Prefix: string
  /** fd00::/8 + 40 bits of the id: a /48 (RFC 4193). */
  readonly ipv6Prefix: string
  /** libp2p's private-network key, 32 bytes: keeps strangers' scans out, no security boundary. */
  readonly presharedKey: Uint8Array
}

export const NETWORK_BYTES_MAX = 1024

/** wrong-id: the id or the IPv6 prefix does not follow from the authority's key. */
export type NetworkFault = 'too-large' | 'malformed' | 'wrong-id'

export const networkSchema: Schema<Network> = struct({
  id: hex<NetworkId>(NETWORK_ID_BYTES),
  name: text(isHostName),
  authorityKey: bytes(KEY_BYTES),
  ipv4Prefix: text(isNetworkIpv4Prefix),
  ipv6Prefix: text((value) => parsePrefix(value).ok),
  presharedKey: bytes(KEY_BYTES),
})

export function encodeNetwork(network: Network): Uint8Array {
  return encodeAs(networkSchema, network)
}

export function decodeNetwork(
  encoded: Uint8Array,
  crypto: Pick<Crypto, 'hash'>,
): Result<Network, NetworkFault> {
  const network = decodeAs(networkSchema, encoded, NETWORK_BYTES_MAX)
  if (!network.ok) return network
  return isConsistent(network.value, crypto) ? ok(network.value) : err('wrong-id')
}

/** Whether the id and the IPv6 prefix follow from the authority's key. */
export function isConsistent(network: Network, crypto: Pick<Crypto, 'hash'>): boolean {
  return (
    networkIdOf(network.authorityKey, crypto) === network.id &&
    ipv6PrefixOf(network.id).text === network.ipv6Prefix
  )
}

export function sameNetwork(a: Network, b: Network): boolean {
  return sameBytes(encodeNetwork(a), encodeNetwork(b))
}

/**
 * Inside private or shared address space (RFC 1918, RFC 6598), so that no network document can
 * draw a host's other traffic into the mesh; and not so small that it has no room for hosts.
 */
export function isNetworkIpv4Prefix(value: string): boolean {
  const prefix = parsePrefix(value)
  return (
    prefix.ok &&
    prefix.value.length <= 29 &&
    OWN_USE.some((own) => own.length <= prefix.value.length && prefixesOverlap(own, prefix.value))
  )
}

const OWN_USE = [
  prefixOf(Uint8Array.of(10, 0, 0, 0), 8),
  prefixOf(Uint8Array.of(172, 16, 0, 0), 12),
  prefixOf(Uint8Array.of(192, 168, 0, 0), 16),
  prefixOf(Uint8Array.of(100, 64, 0, 0), 10),
]
