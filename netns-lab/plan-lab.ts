// SPDX-License-Identifier: Apache-2.0
import { AddressPool } from './address-pool.ts'
import type {
  Description,
  HostDescription,
  LinkDescription,
  NatDescription,
} from './description.ts'
import type { HostPlan, LabPlan, LinkPlan, NatPlan, UplinkPlan } from './lab-plan.ts'
import { deviceMtu } from './link-settings.ts'
import { translates } from './nat-kinds.ts'
import { hostUplinks, internetName } from './uplink-wish.ts'

const defaultLan = '192.168.1.0/24'

/**
 * Fills in a description that has passed `relationFaults`. Throws only where addresses run out.
 */
export function planLab(description: Description, name: string): LabPlan {
  const addresses = new AddressPool(description)
  // NATs' LANs first: a NAT may be named before the NAT that it sits behind.
  for (const [nat, { lan, kind }] of Object.entries(description.nats)) {
    addresses.addLan(nat, lan ?? (translates(kind) ? defaultLan : undefined))
  }
  const hosts = Object.entries(description.hosts).map(([host, wish], index) =>
    planHost({ name: host, wish, index }, description, addresses),
  )
  const nats = Object.entries(description.nats).map(([nat, wish], index) =>
    planNat({ name: nat, wish, index }, hosts, addresses),
  )
  return {
    name,
    seed: description.seed,
    internet: {
      gateway: addresses.gateway,
      prefix: description.internet.ipv4,
      cuts: description.internet.cuts ?? [],
    },
    hosts,
    nats,
    links: planLinks(description),
    services: Object.entries(description.services).map(([service, wish]) => ({
      name: service,
      description: wish,
    })),
  }
}

interface Wish<T> {
  readonly name: string
  readonly wish: T
  /** Its place in the description. */
  readonly index: number
}

function planHost(
  { name, wish, index }: Wish<HostDescription>,
  { nats }: Description,
  addresses: AddressPool,
): HostPlan {
  const uplinks = hostUplinks(wish).map((uplink, at) => {
    const upstream = uplink.behind ?? internetName
    const hasIpv6 = (nats[upstream]?.ipv6 ?? 'off') !== 'off'
    return {
      ...planUplink(`eth${at}`, upstream, uplink.addresses, addresses),
      ipv6: addresses.hostIpv6({ name, wish: wish.ipv6, index }, upstream, hasIpv6),
    }
  })
  return { name, uplinks, firewall: wish.firewall ?? false }
}

function planNat(
  { name, wish, index }: Wish<NatDescription>,
  hosts: readonly HostPlan[],
  addresses: AddressPool,
): NatPlan {
  const wished = wish.address === undefined ? [] : [wish.address]
  const uplink = planUplink('wan', wish.behind ?? internetName, wished, addresses)
  const lan = addresses.lan(name)
  const ipv6 = wish.ipv6 ?? 'off'
  return {
    name,
    uplink,
    lan: { address: lan.gateway, prefix: lan.text, prefixLength: lan.prefix.length },
    ipv6Site: ipv6 === 'off' ? undefined : addresses.ipv6Site(name),
    pool: Array.from({ length: 4 }, (_, at) => `198.18.${index >> 6}.${(index % 64) * 4 + at}`),
    rules: {
      kind: wish.kind,
      external: uplink.addresses,
      hairpin: wish.hairpin ?? 'off',
      ipv6,
      mappingLifetimeS: wish.mappingLifetimeS,
      dmzAddress: dmzAddress(wish.dmzHost, name, hosts),
      portMapping: wish.portMapping ?? [],
      badPortMapping: wish.badPortMapping === 'nonsense' ? 'nonsense' : undefined,
    },
  }
}

function planUplink(
  device: string,
  upstream: string,
  wished: readonly string[],
  pool: AddressPool,
): UplinkPlan {
  if (upstream === internetName) {
    const addresses = wished.length > 0 ? wished : [pool.nextPublic()]
    return { upstream, device, addresses, prefixLength: 32, gateway: pool.gateway, ipv6: undefined }
  }
  const lan = pool.lan(upstream)
  return {
    upstream,
    device,
    addresses: wished.length > 0 ? wished : [lan.next()],
    prefixLength: lan.prefix.length,
    gateway: lan.gateway,
    ipv6: undefined,
  }
}

function planLinks({ hosts, nats }: Description): LinkPlan[] {
  const wishes = [
    ...Object.entries(hosts).flatMap(([node, host]) =>
      hostUplinks(host).map(({ behind, link }, at) => ({ node, device: `eth${at}`, behind, link })),
    ),
    ...Object.entries(nats).map(([node, { behind, link }]) => ({
      node,
      device: 'wan',
      behind,
      link,
    })),
  ]
  return wishes.map(({ node, device, behind: upstream = internetName, link = {} }, index) => {
    const { name = `${node}-${upstream}`, emulate = true, ...settings }: LinkDescription = link
    const mtu = deviceMtu(settings)
    return { name, node, device, upstream, port: `p${index}`, mtu, emulate, settings }
  })
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
