// SPDX-License-Identifier: Apache-2.0
import type { HostDescription, LinkDescription } from './description.ts'

/** The core that every public host and every outermost NAT hangs on. */
export const internetName = 'internet'
/** The gateway that every node on the internet uses for IPv6. */
export const ipv6Gateway = 'fe80::1'

/** The uplinks of a host, whichever of the two ways they were written. */
export function hostUplinks(host: HostDescription): {
  behind: string | undefined
  addresses: readonly string[]
  link: LinkDescription | undefined
}[] {
  const wishes = host.uplinks ?? [{ behind: host.behind, address: host.address, link: host.link }]
  return wishes.map((wish) => ({
    behind: wish.behind,
    addresses: wish.address === undefined ? [] : [wish.address].flat(),
    link: wish.link,
  }))
}

/** Every address of some uplinks, IPv4 first. */
export function addressesOf(
  uplinks: readonly {
    readonly addresses: readonly string[]
    readonly ipv6: { readonly addresses: readonly string[] } | undefined
  }[],
): string[] {
  return [
    ...uplinks.flatMap(({ addresses }) => addresses),
    ...uplinks.flatMap(({ ipv6 }) => ipv6?.addresses ?? []),
  ]
}
