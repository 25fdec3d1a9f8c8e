// SPDX-License-Identifier: Apache-2.0
import type { HostPlan, LabPlan, LinkPlan, NatPlan, UplinkPlan } from './lab-plan.ts'
import { internetName, ipv6Gateway } from './uplink-wish.ts'
import { translates } from './nat-kinds.ts'

/**
 * What `ip -batch` is to do inside each namespace once the links' ends are there. Pure.
 */

export function hostBatch(host: HostPlan, plan: LabPlan): string[] {
  return host.uplinks.flatMap((uplink, index) => uplinkBatch(host.name, uplink, index, plan))
}

export function natBatch(nat: NatPlan, plan: LabPlan): string[] {
  const lan = `${nat.lan.address}/${nat.lan.prefixLength}`
  return [
    ...uplinkBatch(nat.name, nat.uplink, 0, plan),
    ...nat.pool.map((address) => `addr add ${address}/32 dev lo`),
    'link add lan type bridge stp_state 0 forward_delay 0',
    `addr add ${lan} dev lan`,
    ...(nat.ipv6Site === undefined
      ? []
      : [
          'addr add fe80::2/64 dev wan nodad',
          `route add default via ${ipv6Gateway} dev wan`,
          `addr add ${nat.ipv6Site}::1/64 dev lan nodad`,
        ]),
    'link set lan up',
    ...portsOf(nat.name, plan).flatMap((link) => portBatch(link, plan)),
  ]
}

/** The internet is one router: unnumbered ports, a /32 route to each node, no filter. */
export function internetBatch(plan: LabPlan): string[] {
  return [
    `addr add ${plan.internet.gateway}/32 dev lo`,
    ...portsOf(internetName, plan).flatMap((link) => portBatch(link, plan)),
  ]
}

/** The upstream's end of a link: a port of a NAT's LAN bridge, or an unnumbered port of the internet with its routes. */
export function portBatch(link: LinkPlan, plan: LabPlan): string[] {
  if (link.upstream !== internetName) return [`link set ${link.port} mtu ${link.mtu} master lan up`]
  return [
    `link set ${link.port} mtu ${link.mtu} up`,
    `addr add ${ipv6Gateway}/64 dev ${link.port} nodad`,
    ...routesTo(link, plan).map((route) => `route add ${route}`),
  ]
}

function routesTo(link: LinkPlan, plan: LabPlan): string[] {
  const host = plan.hosts.find(({ name }) => name === link.node)
  const uplink = host?.uplinks.find(({ device }) => device === link.device)
  if (uplink !== undefined) {
    const ipv6 = (uplink.ipv6?.addresses ?? []).map((address) => `${address}/128 dev ${link.port}`)
    return [...uplink.addresses.map((address) => `${address}/32 dev ${link.port}`), ...ipv6]
  }
  const nat = plan.nats.find(({ name }) => name === link.node)
  if (nat === undefined) return []
  const wan = nat.uplink.addresses[0]
  return [
    `${wan}/32 dev ${link.port}`,
    ...nat.pool.map((address) => `${address}/32 via ${wan} dev ${link.port} onlink`),
    ...(!translates(nat.rules.kind)
      ? [`${nat.lan.prefix} via ${wan} dev ${link.port} onlink`]
      : []),
    ...(nat.ipv6Site === undefined ? [] : [`${nat.ipv6Site}::/64 via fe80::2 dev ${link.port}`]),
  ]
}

/** The node's end of a link: addresses and default route. */
export function uplinkBatch(
  node: string,
  uplink: UplinkPlan,
  index: number,
  plan: LabPlan,
): string[] {
  const { device } = uplink
  const mtu = plan.links.find((link) => link.node === node && link.device === device)?.mtu ?? 1500
  // The first uplink wins; the others stand by with a worse metric, as on a laptop with cable and radio.
  const metric = index === 0 ? '' : ` metric ${100 * index}`
  const onlink = uplink.prefixLength === 32 ? ' onlink' : ''
  return [
    `link set ${device} mtu ${mtu} up`,
    ...uplink.addresses.map(
      (address) => `addr add ${address}/${uplink.prefixLength} dev ${device}`,
    ),
    `route add default via ${uplink.gateway} dev ${device}${onlink} src ${uplink.addresses[0]}${metric}`,
    ...(uplink.ipv6 === undefined
      ? []
      : [
          ...uplink.ipv6.addresses.map(
            (address) =>
              `addr add ${address}/${uplink.upstream === internetName ? 128 : 64} dev ${device} nodad`,
          ),
          `route add default via ${uplink.ipv6.gateway} dev ${device}${metric}`,
        ]),
  ]
}

function portsOf(node: string, plan: LabPlan): LinkPlan[] {
  return plan.links.filter(({ upstream }) => upstream === node)
}
