// SPDX-License-Identifier: Apache-2.0
/**
 * Where an IP address means something: the ranges of the IANA special-purpose registries that matter to traversal.
 */
import { parseIp } from './address.ts'

/**
 * global: may be dialled from anywhere, unless a firewall says no. Documentation prefixes count as
 * global, so that a lab can play the internet with them.
 */
export type AddressScope =
  | 'unusable'
  | 'loopback'
  | 'link-local'
  | 'private'
  | 'shared'
  | 'unique-local'
  | 'global'

/** Scope of a literal address; anything that is no unicast address is unusable. */
export function addressScope(ip: string): AddressScope {
  const bytes = parseIp(ip)
  if (!bytes.ok) return 'unusable'
  return bytes.value.length === 4 ? ipv4Scope(bytes.value) : ipv6Scope(bytes.value)
}

function ipv4Scope([a, b]: Uint8Array): AddressScope {
  if (a === undefined || b === undefined || a === 0 || a >= 224) return 'unusable'
  if (a === 127) return 'loopback'
  if (a === 169 && b === 254) return 'link-local'
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return 'private'
  // RFC 6598: between a carrier's NAT and its customers.
  if (a === 100 && b >= 64 && b < 128) return 'shared'
  return 'global'
}

function ipv6Scope(bytes: Uint8Array): AddressScope {
  const [a, b] = bytes
  if (a === undefined || b === undefined) return 'unusable'
  if (bytes.subarray(0, 15).every((byte) => byte === 0)) {
    return bytes[15] === 1 ? 'loopback' : 'unusable'
  }
  if (a === 0xff) return 'unusable'
  if (a === 0xfe && (b & 0xc0) === 0x80) return 'link-local'
  if ((a & 0xfe) === 0xfc) return 'unique-local'
  return (a & 0xe0) === 0x20 ? 'global' : 'unusable'
}
