// SPDX-License-Identifier: Apache-2.0
/**
 * Address prefixes in CIDR notation (RFC 4632, RFC 4291 section 2.3). Canonical: the address in
 * canonical text, no bits set behind the length, so that equality is string equality.
 */
import { formatIp, parseIp } from '../nat/address.ts'
import { err, ok, type Result } from '../nat/result.ts'

export interface Prefix {
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array
  readonly length: number
  readonly text: string
}

/** Only the canonical text of a prefix. */
export function parsePrefix(text: string): Result<Prefix, 'malformed-prefix'> {
  const prefix = enclosingPrefix(text)
  return prefix.ok && prefix.value.text === text ? prefix : err('malformed-prefix')
}

export function isPrefix(text: string): boolean {
  return parsePrefix(text).ok
}

/** The prefix around an interface address: `192.168.1.2/24` lies in `192.168.1.0/24`. */
export function enclosingPrefix(text: string): Result<Prefix, 'malformed-prefix'> {
  const slash = text.indexOf('/')
  const address = parseIp(slash < 0 ? '' : text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (!address.ok || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return err('malformed-prefix')
  if (Number(length) > 8 * address.value.length) return err('malformed-prefix')
  return ok(prefixOf(address.value, Number(length)))
}

/** The prefix of `length` bits that starts like `address`. */
export function prefixOf(address: Uint8Array, length: number): Prefix {
  const bytes = address.map((byte, i) => byte & maskByte(length, i))
  return { bytes, length, text: `${formatIp(bytes)}/${length}` }
}

/** `address`: 4 or 16 bytes; an address of the other family is never contained. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  return (
    prefix.bytes.length === address.length &&
    prefix.bytes.every((byte, i) => byte === (address[i]! & maskByte(prefix.length, i)))
  )
}

export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.bytes) : prefixContains(b, a.bytes)
}

function maskByte(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - 8 * index))
  return (0xff << (8 - bits)) & 0xff
}
