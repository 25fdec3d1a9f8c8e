// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses as canonical text, so that equality is string equality and a Map key is the address.
 * IPv6 text is RFC 5952; an IPv4-mapped IPv6 address is turned into the IPv4 address that it means.
 */
import { err, ok, type Result } from './result.ts'

declare const transportBrand: unique symbol

/** `192.0.2.1:5` or `[2001:db8::1]:5`, canonical. */
export type TransportAddress = string & { readonly [transportBrand]: true }

export type Family = 'ipv4' | 'ipv6'

export interface AddressParts {
  readonly ip: string
  readonly port: number
  readonly family: Family
}

/** 4 or 16 bytes for a literal IP address; no zone, no leading zeros, no embedded port. */
export function parseIp(text: string): Result<Uint8Array, 'malformed-ip'> {
  if (text.length > 45) return err('malformed-ip')
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return bytes === undefined ? err('malformed-ip') : ok(bytes)
}

/** Canonical text of 4 or 16 bytes (RFC 5952). Any other length is a programming error. */
export function formatIp(bytes: Uint8Array): string {
  const unmapped = unmapIpv4(bytes)
  if (unmapped.length === 4) return unmapped.join('.')
  if (unmapped.length !== 16)
    throw new RangeError(`an IP address has 4 or 16 bytes, not ${unmapped.length}`)
  const groups = Array.from({ length: 8 }, (_, i) => (unmapped[2 * i]! << 8) | unmapped[2 * i + 1]!)
  const { start, length } = longestZeroRun(groups)
  if (length < 2) return groups.map((g) => g.toString(16)).join(':')
  const hex = (part: number[]) => part.map((g) => g.toString(16)).join(':')
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

/** The canonical form of an IP literal. */
export function canonicalIp(text: string): Result<string, 'malformed-ip'> {
  const bytes = parseIp(text)
  return bytes.ok ? ok(formatIp(bytes.value)) : bytes
}

export function transportAddress(
  ip: string,
  port: number,
): Result<TransportAddress, 'malformed-address'> {
  const canonical = canonicalIp(ip)
  if (!canonical.ok || !Number.isInteger(port) || port < 1 || port > 65_535)
    return err('malformed-address')
  const text = canonical.value.includes(':')
    ? `[${canonical.value}]:${port}`
    : `${canonical.value}:${port}`
  return ok(text as TransportAddress)
}

export function parseTransportAddress(text: string): Result<TransportAddress, 'malformed-address'> {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([1-9][0-9]{0,4})$/.exec(text)
  if (match === null) return err('malformed-address')
  const bracketed = match[1]
  if (bracketed !== undefined && !bracketed.includes(':')) return err('malformed-address')
  return transportAddress((bracketed ?? match[2])!, Number(match[3]))
}

/** Of a canonical IP literal. */
export function familyOf(ip: string): Family {
  return ip.includes(':') ? 'ipv6' : 'ipv4'
}

export function addressParts(address: TransportAddress): AddressParts {
  const colon = address.lastIndexOf(':')
  const port = Number(address.slice(colon + 1))
  return address.startsWith('[')
    ? { ip: address.slice(1, colon - 1), port, family: 'ipv6' }
    : { ip: address.slice(0, colon), port, family: 'ipv4' }
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[i] = Number(part)
  }
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  const lastColon = text.lastIndexOf(':')
  const tail = text.slice(lastColon + 1)
  if (tail.includes('.')) {
    const v4 = parseIpv4(tail)
    if (v4 === undefined) return undefined
    const high = ((v4[0]! << 8) | v4[1]!).toString(16)
    const low = ((v4[2]! << 8) | v4[3]!).toString(16)
    return parseIpv6(`${text.slice(0, lastColon + 1)}${high}:${low}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groupsOf = (half: string) => (half === '' ? [] : half.split(':'))
  const head = groupsOf(halves[0]!)
  const rest = halves.length === 2 ? groupsOf(halves[1]!) : []
  const missing = 8 - head.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...rest]
  const bytes = new Uint8Array(16)
  for (const [i, group] of groups.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    const value = Number.parseInt(group, 16)
    bytes[2 * i] = value >> 8
    bytes[2 * i + 1] = value & 0xff
  }
  return bytes
}

function unmapIpv4(bytes: Uint8Array): Uint8Array {
  const mapped =
    bytes.length === 16 &&
    bytes.subarray(0, 10).every((b) => b === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff
  return mapped ? bytes.subarray(12) : bytes
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue
    if (i - start > best.length) best = { start, length: i - start }
    start = i + 1
  }
  return best
}
