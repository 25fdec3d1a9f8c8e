// SPDX-License-Identifier: Apache-2.0

/** An IPv4 prefix as numbers, so that addresses can be counted out of it. */
export interface Ipv4Prefix {
  readonly base: number
  readonly length: number
}

/** Parses text that zod has already accepted as an IPv4 prefix; host bits are cleared. */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const [address = '', lengthText = '32'] = text.split('/')
  const length = Number(lengthText)
  const size = 2 ** (32 - length)
  return { base: Math.floor(ipv4ToNumber(address) / size) * size, length }
}

/** The index-th address of the prefix, or undefined where the prefix has no such host address. */
export function nthAddress(prefix: Ipv4Prefix, index: number): string | undefined {
  const size = 2 ** (32 - prefix.length)
  return index > 0 && index < size - 1 ? numberToIpv4(prefix.base + index) : undefined
}

export function containsAddress(prefix: Ipv4Prefix, address: string): boolean {
  const size = 2 ** (32 - prefix.length)
  return Math.floor(ipv4ToNumber(address) / size) * size === prefix.base
}

export function formatIpv4Prefix(prefix: Ipv4Prefix): string {
  return `${numberToIpv4(prefix.base)}/${prefix.length}`
}

function ipv4ToNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function numberToIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
