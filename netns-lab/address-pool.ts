// SPDX-License-Identifier: Apache-2.0
import type { Description, HostDescription } from './description.ts'
import {
  containsAddress,
  formatIpv4Prefix,
  type Ipv4Prefix,
  nthAddress,
  parseIpv4Prefix,
} from './ipv4-prefix.ts'
import type { UplinkPlan } from './lab-plan.ts'
import { hostUplinks, internetName, ipv6Gateway } from './uplink-wish.ts'

/** Low addresses stay free for what a description names by hand. */
const firstPublicIndex = 11
const firstLanIndex = 10
/** Public LANs for routers that do not translate, sixteen addresses each. */
const routedSites = parseIpv4Prefix('192.0.2.0/24')

interface Lan {
  readonly prefix: Ipv4Prefix
  readonly text: string
  readonly gateway: string
  next(): string
}

/** Hands out the addresses that a description leaves open, in the order of the description. */
export class AddressPool {
  readonly gateway: string
  readonly #internet: Ipv4Prefix
  readonly #ipv6Base: string
  readonly #taken: ReadonlySet<string>
  readonly #lans = new Map<string, Lan>()
  readonly #ipv6Sites: readonly string[]
  #publicIndex = firstPublicIndex
  #routedSites = 0

  constructor(description: Description) {
    this.#internet = parseIpv4Prefix(description.internet.ipv4)
    this.gateway = nthAddress(this.#internet, 1) ?? exhausted('internet.ipv4')
    this.#ipv6Base = description.internet.ipv6.split('::')[0] ?? ''
    this.#taken = new Set([
      ...Object.values(description.hosts).flatMap((host) =>
        hostUplinks(host).flatMap(({ addresses }) => addresses),
      ),
      ...Object.values(description.nats).flatMap(({ address }) => address ?? []),
    ])
    this.#ipv6Sites = [...Object.keys(description.nats), ...Object.keys(description.hosts)]
  }

  nextPublic(): string {
    return this.#next(this.#internet, () => this.#publicIndex++, 'internet.ipv4')
  }

  /** Without a prefix the LAN is public, for a router that does not translate. */
  addLan(nat: string, prefixText: string | undefined): void {
    const prefix =
      prefixText === undefined
        ? { base: routedSites.base + 16 * this.#routedSites++, length: 28 }
        : parseIpv4Prefix(prefixText)
    // Small public LANs have no room to skip ten addresses.
    let index = prefix.length > 27 ? 2 : firstLanIndex
    this.#lans.set(nat, {
      prefix,
      text: formatIpv4Prefix(prefix),
      gateway: nthAddress(prefix, 1) ?? exhausted(`nats.${nat}.lan`),
      next: () => this.#next(prefix, () => index++, `nats.${nat}.lan`),
    })
  }

  lan(nat: string): Lan {
    const lan = this.#lans.get(nat)
    if (lan === undefined) throw new Error(`no NAT is named ${nat}`)
    return lan
  }

  /** The first 64 bits of a node's IPv6 addresses, without the trailing `::`. */
  ipv6Site(node: string): string {
    return `${this.#ipv6Base}:${(this.#ipv6Sites.indexOf(node) + 1).toString(16)}`
  }

  /** What a host's uplink has of IPv6; behind a router with IPv6 a host takes part unless it says no. */
  hostIpv6(
    host: { name: string; wish: HostDescription['ipv6']; index: number },
    upstream: string,
    upstreamHasIpv6: boolean,
  ): UplinkPlan['ipv6'] {
    const { name, wish, index } = host
    const wished = typeof wish === 'string' || Array.isArray(wish) ? [wish].flat() : undefined
    if (upstream === internetName) {
      if (wish === undefined || wish === false) return undefined
      return { addresses: wished ?? [`${this.ipv6Site(name)}::10`], gateway: ipv6Gateway }
    }
    if (!upstreamHasIpv6 || wish === false) return undefined
    const site = this.ipv6Site(upstream)
    const address = `${site}::${(firstLanIndex + index).toString(16)}`
    return { addresses: wished ?? [address], gateway: `${site}::1` }
  }

  #next(prefix: Ipv4Prefix, nextIndex: () => number, field: string): string {
    for (;;) {
      const address = nthAddress(prefix, nextIndex())
      if (address === undefined) return exhausted(field)
      // Overlapping LANs may repeat an address; skipping a taken one keeps hand-written ones unique as well.
      if (!this.#taken.has(address) || !containsAddress(prefix, address)) return address
    }
  }
}

function exhausted(field: string): never {
  throw new Error(`${field}: the prefix has no address left; give a shorter prefix`)
}
