// SPDX-License-Identifier: Apache-2.0
import { nthAddress, parseIpv4Prefix } from './ipv4-prefix.ts'
import type { HostPlan, LabPlan, LinkPlan, UplinkPlan } from './lab-plan.ts'
import { internetName } from './uplink-wish.ts'

/** A host's link after it moved to another network, and the lab's plan with it. */
export interface Roamed {
  readonly plan: LabPlan
  readonly link: LinkPlan
  readonly uplink: UplinkPlan
}

/**
 * What becomes of a lab when a host with one uplink moves behind a NAT, or onto the internet: it takes an address that
 * nobody there has. Pure. IPv6 stays behind. Throws if the host cannot move there.
 */
export function roam(plan: LabPlan, hostName: string, upstream: string): Roamed {
  const host = plan.hosts.find(({ name }) => name === hostName)
  const [old, ...others] = host?.uplinks ?? []
  const link = plan.links.find(({ node }) => node === hostName)
  if (host === undefined || old === undefined || link === undefined || others.length > 0) {
    throw new Error(`${hostName} cannot roam: only a host with one uplink can`)
  }
  const nat = plan.nats.find(({ name }) => name === upstream)
  if (nat === undefined && upstream !== internetName) {
    const names = [...plan.nats.map(({ name }) => name), internetName]
    throw new Error(`${hostName} cannot move behind ${upstream}: choose one of ${names.join(', ')}`)
  }
  const uplink: UplinkPlan = {
    upstream,
    device: old.device,
    addresses: [freeAddress(plan, upstream, nat?.lan.prefix ?? plan.internet.prefix)],
    prefixLength: nat?.lan.prefixLength ?? 32,
    gateway: nat?.lan.address ?? plan.internet.gateway,
    ipv6: undefined,
  }
  const moved: HostPlan = { ...host, uplinks: [uplink] }
  const movedLink: LinkPlan = { ...link, upstream }
  return {
    link: movedLink,
    uplink,
    plan: {
      ...plan,
      hosts: plan.hosts.map((entry) => (entry === host ? moved : entry)),
      links: plan.links.map((entry) => (entry === link ? movedLink : entry)),
    },
  }
}

function freeAddress(plan: LabPlan, upstream: string, prefixText: string): string {
  const uplinks = [
    ...plan.hosts.flatMap((host) => host.uplinks),
    ...plan.nats.map((nat) => nat.uplink),
  ]
  const taken = new Set(
    uplinks.filter((uplink) => uplink.upstream === upstream).flatMap(({ addresses }) => addresses),
  )
  const prefix = parseIpv4Prefix(prefixText)
  // From 2: the gateway has 1. From 100 where there is room, so that a roamer is known by its address.
  for (let index = prefix.length > 24 ? 2 : 100; ; index++) {
    const address = nthAddress(prefix, index)
    if (address === undefined) throw new Error(`${upstream} has no address left`)
    if (!taken.has(address)) return address
  }
}
