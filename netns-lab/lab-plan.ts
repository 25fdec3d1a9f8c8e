// SPDX-License-Identifier: Apache-2.0
import type { LinkChange } from './description.ts'
import type { NatRuleInput } from './nat-rules.ts'
import type { ServiceDescription } from './service-description.ts'

/** Two nodes on the internet whose packets to each other are lost in silence, both ways, whatever their addresses. */
export type Cut = readonly [string, string]

/**
 * A description with every name, address and interface filled in. A pure function of the description:
 * the same file always gives the same lab.
 */
export interface LabPlan {
  readonly name: string
  readonly seed: number
  readonly internet: {
    readonly gateway: string
    readonly prefix: string
    readonly cuts: readonly Cut[]
  }
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
  /** Of the interfaces at both ends as the lab comes up. */
  readonly mtu: number
  readonly emulate: boolean
  readonly settings: LinkChange
}

export interface ServicePlan {
  readonly name: string
  readonly description: ServiceDescription
}
