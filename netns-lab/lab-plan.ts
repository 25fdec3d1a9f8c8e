// SPDX-License-Identifier: Apache-2.0
import type { Description, LinkChange, LinkDescription, ServiceDescription } from './description.ts'
import { AddressPool } from './address-pool.ts'
import { hostUplinks, internetName } from './uplink-wish.ts'
import { translates } from './nat-kinds.ts'
import type { NatRuleInput } from './nat-rules.ts'

/**
 * A description with every name, address and interface filled in. A pure function of the description:
 * the same file always gives the same lab.
 */
export interface LabPlan {
  readonly name: string
  readonly seed: number
  readonly internet: { readonly gateway: string; readonly prefix: string }
  readonly hosts: readonly HostPlan[]
  readonly nats: readonly NatPlan[]
  readonly links: readonly LinkPlan[]
  readonly services: readonly ServicePlan[]
}

export interface UplinkPlan {
  /** `internet` or a NAT's name. */
  readonly upstream: string
  /** Interface on the node: eth0, eth1 on a host, wan on a NAT. */
  readonly device: string
  readonly addresses: readonly string[]
  /** Length of the on-link prefix; 32 on the internet, where the gateway is reached by `onlink`. */
  readonly prefixLength: number
  readonly gateway: string
  readonly ipv6: { readonly addresses: readonly string[]; readonly gateway: string } | undefined
}

export interface HostPlan {
  readonly name: string
  readonly uplinks: readonly UplinkPlan[]
  readonly firewall: boolean
}

export interface NatPlan {
  readonly name: string
  readonly uplink: UplinkPlan
  readonly lan: { readonly address: string; readonly prefix: string; readonly prefixLength: number }
  /** `<prefix>:<site>`; the LAN's /64 is `<site>::/64`. undefined without IPv6. */
  readonly ipv6Site: string | undefined
  readonly rules: NatRuleInput
  /** Addresses for the kind address-pool, routed to the NAT whatever its kind, so that the kind may change. */
  readonly pool: readonly string[]
}

export interface LinkPlan {
  readonly name: string
  readonly node: string
  readonly device: string
  readonly upstream: string
  /** Interface at the upstream's end; unique in the lab. */
  readonly port: string
  readonly mtu: number
  readonly emulate: boolean
  readonly settings: LinkChange
}

export interface ServicePlan {
  readonly name: string
  readonly description: ServiceDescription
}

const defaultLan = '192.168.1.0/24'

/**
 * Fills in a description that has passed `descriptionFaults`. Throws only where addresses run out.
 */
export function planLab(description: Description, name: string): LabPlan {
  const addresses = new AddressPool(description)
  const links: LinkPlan[] = []
  const nats: NatPlan[] = []
  const hosts: HostPlan[] = []

  const link = (node: string, device: string, upstream: string, wish: LinkDescription = {}) => {
    const { name: linkName = `${node}-${upstream}`, mtu = 1500, emulate = true, ...settings } = wish
    const port = `p${links.length}`
    links.push({ name: linkName, node, device, upstream, port, mtu, emulate, settings })
  }

  const publicUplink = (device: string, wished: readonly string[]): UplinkPlan => ({
    upstream: internetName,
    device,
    addresses: wished.length > 0 ? wished : [addresses.nextPublic()],
    prefixLength: 32,
    gateway: addresses.gateway,
    ipv6: undefined,
  })

  const innerUplink = (device: string, upstream: string, wished?: string): UplinkPlan => {
    const lan = addresses.lan(upstream)
    return {
      upstream,
      device,
      addresses: [wished ?? lan.next()],
      prefixLength: lan.prefix.length,
      gateway: lan.gateway,
      ipv6: undefined,
    }
  }

  // NATs' LANs first, so that a NAT may be named before the NAT that it sits behind.
  for (const [natName, nat] of Object.entries(description.nats)) {
    addresses.addLan(natName, nat.lan ?? (translates(nat.kind) ? defaultLan : undefined))
  }
  for (const [order, [hostName, host]] of Object.entries(description.hosts).entries()) {
    const uplinks = hostUplinks(host).map((wish, at) => {
      const device = `eth${at}`
      const upstream = wish.behind ?? internetName
      link(hostName, device, upstream, wish.link)
      const plain =
        upstream === internetName
          ? publicUplink(device, wish.addresses)
          : innerUplink(device, upstream, wish.addresses[0])
      const hasIpv6 = (description.nats[upstream]?.ipv6 ?? 'off') !== 'off'
      const wish6 = { name: hostName, wish: host.ipv6, index: order }
      return { ...plain, ipv6: addresses.hostIpv6(wish6, upstream, hasIpv6) }
    })
    hosts.push({ name: hostName, uplinks, firewall: host.firewall ?? false })
  }
  for (const [index, [natName, nat]] of Object.entries(description.nats).entries()) {
    const upstream = nat.behind ?? internetName
    link(natName, 'wan', upstream, nat.link)
    const uplink =
      upstream === internetName
        ? publicUplink('wan', nat.address === undefined ? [] : [nat.address])
        : innerUplink('wan', upstream, nat.address)
    const lan = addresses.lan(natName)
    nats.push({
      name: natName,
      uplink,
      lan: { address: lan.gateway, prefix: lan.text, prefixLength: lan.prefix.length },
      ipv6Site: (nat.ipv6 ?? 'off') === 'off' ? undefined : addresses.ipv6Site(natName),
      pool: Array.from({ length: 4 }, (_, at) => `198.18.${index >> 6}.${(index % 64) * 4 + at}`),
      rules: {
        kind: nat.kind,
        external: uplink.addresses,
        hairpin: nat.hairpin ?? 'off',
        ipv6: nat.ipv6 ?? 'off',
        mappingLifetimeS: nat.mappingLifetimeS,
        dmzAddress: dmzAddress(nat.dmzHost, natName, hosts),
      },
    })
  }
  return {
    name,
    seed: description.seed,
    internet: { gateway: addresses.gateway, prefix: description.internet.ipv4 },
    hosts,
    nats,
    links,
    services: Object.entries(description.services).map(([serviceName, service]) => ({
      name: serviceName,
      description: service,
    })),
  }
}

function dmzAddress(
  wished: string | undefined,
  nat: string,
  hosts: readonly HostPlan[],
): string | undefined {
  const behind = hosts.filter((host) => host.uplinks.some((uplink) => uplink.upstream === nat))
  const host = wished === undefined ? behind[0] : behind.find(({ name }) => name === wished)
  return host?.uplinks.find((uplink) => uplink.upstream === nat)?.addresses[0]
}
