// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses inside the mesh.
 *
 * ```
 * IPv6  | fd | 40 bits of the network id | 80 bits of SHA-256(node key) |     RFC 4193, /48 a network
 * IPv4  | 10 | random | host, lowest free first |                             /16 a network
 * ```
 */
import { formatIp } from '../nat/address.ts'
import type { Entropy } from '../nat/entropy.ts'
import { err, ok, type Result } from '../nat/result.ts'
import type { Crypto } from './crypto.ts'
import { idBytes, type NetworkId, type NodeId } from './identity.ts'
import { enclosingPrefix, type Prefix, prefixesOverlap, prefixOf } from './prefix.ts'

export function ipv6PrefixOf(network: NetworkId): Prefix {
  const bytes = new Uint8Array(16)
  bytes[0] = 0xfd
  bytes.set(idBytes(network).subarray(0, 5), 1)
  return prefixOf(bytes, 48)
}

/** Nobody hands it out: 80 bits of a hash do not collide by chance in networks of our size. */
export function ipv6AddressOf(
  network: NetworkId,
  node: NodeId,
  crypto: Pick<Crypto, 'hash'>,
): string {
  const bytes = ipv6PrefixOf(network).bytes.slice()
  bytes.set(crypto.hash(idBytes(node)).subarray(0, 10), 6)
  return formatIp(bytes)
}

/**
 * A random 10.x.0.0/16 that overlaps none of the given prefixes or interface addresses (CIDR, host
 * bits allowed; what cannot be read is passed over).
 */
export function chooseIpv4Prefix(
  inUse: readonly string[],
  entropy: Entropy,
): Result<Prefix, 'no-free-prefix'> {
  const taken = inUse
    .map((text) => enclosingPrefix(text))
    .filter((prefix) => prefix.ok)
    .map((prefix) => prefix.value)
    // A default route overlaps everything and clashes with nothing.
    .filter((prefix) => prefix.length > 0)
  const free = Array.from({ length: 256 }, (_, x) =>
    prefixOf(Uint8Array.of(10, x, 0, 0), 16),
  ).filter((candidate) => !taken.some((prefix) => prefixesOverlap(candidate, prefix)))
  const [high, low] = entropy(2)
  const chosen = free[((high! << 8) | low!) % Math.max(1, free.length)]
  return chosen === undefined ? err('no-free-prefix') : ok(chosen)
}

/** The lowest host address of an IPv4 prefix that is not taken; never the network's or broadcast address. */
export function lowestFreeIpv4(
  prefix: Prefix,
  isTaken: (address: string) => boolean,
): Result<string, 'address-plan-full'> {
  const base = new DataView(prefix.bytes.slice().buffer).getUint32(0)
  const size = 2 ** (32 - prefix.length)
  for (let host = 1; host < size - 1; host++) {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, base + host)
    const address = formatIp(bytes)
    if (!isTaken(address)) return ok(address)
  }
  return err('address-plan-full')
}
