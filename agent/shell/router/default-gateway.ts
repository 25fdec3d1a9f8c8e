// SPDX-License-Identifier: Apache-2.0
/** The routers to which this host sends what is for nobody near, as the kernel's tables name them. */
import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { formatIp } from '../../../nat/address.ts'
import { fromHex } from '../../../nat/hex.ts'

export interface DefaultRoute {
  /** Canonical, without a zone. */
  readonly gateway: string
  readonly interface: string
  readonly metric: number
}

/** linux/route.h */
const RTF_UP = 0x1
const RTF_GATEWAY = 0x2
const RTF_REJECT = 0x200

/** Best first; undefined where there is none. */
export interface DefaultRoutes {
  readonly ipv4: DefaultRoute | undefined
  readonly ipv6: DefaultRoute | undefined
}

/** What has no /proc has no routes. `isExcluded`: interfaces that do not count, such as our own device. */
export function readDefaultRoutes(isExcluded: (name: string) => boolean): DefaultRoutes {
  const best = (routes: readonly DefaultRoute[]) =>
    routes
      .filter((route) => !isExcluded(route.interface))
      .sort((a, b) => a.metric - b.metric)
      .at(0)
  return {
    ipv4: best(parseIpv4Routes(readTable('/proc/net/route'))),
    ipv6: best(parseIpv6Routes(readTable('/proc/net/ipv6_route'))),
  }
}

/** Columns: interface, destination, gateway, flags, two counters, metric, mask; addresses as the processor keeps them. */
export function parseIpv4Routes(
  text: string,
  isLittleEndian = endianness() === 'LE',
): DefaultRoute[] {
  return text.split('\n').flatMap((line) => {
    const [name, destination, gateway, flags, , , metric, mask] = line.split(/\s+/)
    if (destination !== '00000000' || mask !== '00000000') return []
    const bytes = fromHex((gateway ?? '').toLowerCase())
    if (name === undefined || bytes?.length !== 4 || !leadsToGateway(flags)) return []
    return routeOf(name, isLittleEndian ? bytes.reverse() : bytes, Number(metric))
  })
}

/** Columns: destination, its length, source, its length, next hop, metric, two counters, flags, interface; all hex. */
export function parseIpv6Routes(text: string): DefaultRoute[] {
  return text.split('\n').flatMap((line) => {
    const [destination, length, , , nextHop, metric, , , flags, name] = line.trim().split(/\s+/)
    if (destination !== '0'.repeat(32) || length !== '00') return []
    const bytes = fromHex((nextHop ?? '').toLowerCase())
    if (name === undefined || bytes?.length !== 16 || !leadsToGateway(flags)) return []
    return routeOf(name, bytes, Number.parseInt(metric ?? '', 16))
  })
}

function routeOf(name: string, gateway: Uint8Array, metric: number): DefaultRoute[] {
  const isNone = gateway.every((byte) => byte === 0)
  if (isNone || !Number.isSafeInteger(metric)) return []
  return [{ gateway: formatIp(gateway), interface: name, metric }]
}

function leadsToGateway(flags: string | undefined): boolean {
  const bits = Number.parseInt(flags ?? '', 16)
  return (bits & (RTF_UP | RTF_GATEWAY | RTF_REJECT)) === (RTF_UP | RTF_GATEWAY)
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
