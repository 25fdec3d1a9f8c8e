// SPDX-License-Identifier: Apache-2.0
import type { Description } from './description.ts'
import { type Fault, fault } from './description-fault.ts'
import { containsAddress, nthAddress, parseIpv4Prefix } from './ipv4-prefix.ts'
import { hostUplinks, internetName } from './uplink-wish.ts'

/** Addresses that are named twice, or that do not belong where they are. */
export function addressFaults({ hosts, nats, internet }: Description): Fault[] {
  const seen = new Map<string, string>()
  const prefix = parseIpv4Prefix(internet.ipv4)
  const fields = [
    ...Object.entries(hosts).flatMap(([name, host]) =>
      hostUplinks(host).flatMap(({ addresses, behind = internetName }) =>
        addresses.map((address) => ({ field: `hosts.${name}.address`, address, behind })),
      ),
    ),
    ...Object.entries(nats).flatMap(([name, { address, behind = internetName }]) =>
      address === undefined ? [] : [{ field: `nats.${name}.address`, address, behind }],
    ),
  ]
  return fields.flatMap(({ field, address, behind }) => {
    const lan = behind === internetName ? undefined : nats[behind]?.lan
    const place = `${behind} ${address}`
    const other = seen.get(place)
    seen.set(place, field)
    if (other !== undefined)
      return [fault(field, address, `${other} has this address; choose another`)]
    if (lan !== undefined && !containsAddress(parseIpv4Prefix(lan), address)) {
      return [fault(field, address, `choose an address in ${behind}'s LAN ${lan}`)]
    }
    if (behind === internetName && address === nthAddress(prefix, 1)) {
      return [fault(field, address, 'the gateway of the internet has this address; choose another')]
    }
    return []
  })
}

/** A site's /64 is the prefix, the site's number, and zeros. */
export function ipv6Faults({ internet: { ipv6 } }: Description): Fault[] {
  return /^[0-9a-f]+(:[0-9a-f]+){0,2}::\/\d+$/i.test(ipv6)
    ? []
    : [fault('internet.ipv6', ipv6, 'give at most 48 bits, such as 2001:db8::/32 or fd00:1:2::/48')]
}
