// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'

/** Addresses and IPv4 routes of this host as CIDR, so that a new address plan can avoid them. */
export function localPrefixes(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((infos) => infos ?? [])
  return [...addresses.flatMap(({ cidr }) => cidr ?? []), ...routes()]
}

/** /proc/net/route: interface, destination, gateway, flags, ..., mask; little-endian hex. */
function routes(): string[] {
  let table: string
  try {
    table = readFileSync('/proc/net/route', 'latin1')
  } catch {
    return []
  }
  return table.split('\n').flatMap((line) => {
    const [, destination = '', , , , , , mask = ''] = line.split('\t')
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
    const ip = Buffer.from(destination, 'hex').toReversed().join('.')
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length
    return [`${ip}/${bits}`]
  })
}
