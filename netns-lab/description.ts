// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'
import {
  flag,
  ipv4,
  ipv4Prefix,
  ipv6,
  milliseconds,
  mtu,
  nodeName,
  percent,
} from './description-fields.ts'
import { natKindNames } from './nat-kinds.ts'
import { serviceSchema } from './service-description.ts'

/**
 * What a lab description may say. Each message is the remedy, so that a fault can be shown as
 * `field = value: remedy`. Relations between parts are checked in description-faults.ts.
 */

/** Their order is the numbering of wire/filter.go. */
export const udpPolicies = ['open', 'blocked', 'only-443', 'not-443'] as const

const impairmentFields = {
  delayMs: milliseconds.optional(),
  jitterMs: milliseconds.optional(),
  lossPercent: percent.optional(),
  dupPercent: percent.optional(),
  /** Gilbert-Elliott: chance per packet to enter a burst, in which every packet is lost. */
  burstEnterPercent: percent.optional(),
  /** Gilbert-Elliott: chance per packet to leave the burst. */
  burstLeavePercent: percent.optional(),
  /** 0 is unlimited. */
  rateKbit: z
    .number('give kbit/s, 0 for no limit')
    .min(0, 'give kbit/s, 0 for no limit')
    .optional(),
  limitPackets: z
    .int('give a queue length in packets, 1 or more')
    .min(1, 'give a queue length in packets, 1 or more')
    .optional(),
  /** false keeps packets in order under jitter. */
  reorder: flag.optional(),
  /** true drops everything in silence, as a cut further away does: the interfaces stay up. */
  down: flag.optional(),
  /** true drops whatever looks like WireGuard: its four messages by first bytes and length. */
  dropWireguard: flag.optional(),
  /** Which UDP passes, by either port; the rest is dropped in silence. */
  udp: z.enum(udpPolicies, `choose one of ${udpPolicies.join(', ')}`).optional(),
}

export const impairmentSchema = z.strictObject(impairmentFields)

/** Settings of a link that may change while the lab runs. `out` is away from the link's node. */
export const linkChangeSchema = z.strictObject({
  ...impairmentFields,
  /** true takes the carrier from both interfaces, as pulling the cable does. */
  unplugged: flag.optional(),
  /** Of IP packets, in bytes. Whoever forwards onto the link answers a larger packet by ICMP "too big". */
  mtu: mtu.optional(),
  /** true: nobody answers; the link swallows what is larger than `mtu`, and looks like any other from its ends. */
  mtuBlackhole: flag.optional(),
  out: impairmentSchema.optional(),
  in: impairmentSchema.optional(),
})

const linkSchema = z.strictObject({
  ...linkChangeSchema.shape,
  /** Default: `<node>-<upstream>`. */
  name: nodeName.optional(),
  /** false makes a bare veth pair: ten times the speed, and no impairments. */
  emulate: flag.optional(),
})

const uplinkSchema = z.strictObject({
  behind: nodeName.optional(),
  address: ipv4.optional(),
  link: linkSchema.optional(),
})

const hostSchema = z
  .strictObject({
    /** The NAT that the host sits behind; default: on the internet. */
    behind: nodeName.optional(),
    address: z.union([ipv4, z.array(ipv4).min(1)], 'give an IPv4 address or a list').optional(),
    ipv6: z
      .union([flag, ipv6, z.array(ipv6).min(1)], 'say true, false, or give IPv6 addresses')
      .optional(),
    /** A firewall on the host itself: only replies and ICMP come in. */
    firewall: flag.optional(),
    link: linkSchema.optional(),
    /** Instead of behind, address and link, for a host with several. */
    uplinks: z.array(uplinkSchema).min(1, 'list at least one uplink').optional(),
  })
  .prefault({})

export const hairpins = ['off', 'external', 'lan'] as const
export const portMappingProtocols = ['upnp', 'nat-pmp', 'pcp'] as const
export const badPortMappings = ['none', 'nonsense'] as const
export const ipv6Sites = ['off', 'firewall', 'open'] as const

/** Settings of a NAT that may change while the lab runs. */
export const natChangeSchema = z.strictObject({
  kind: z.enum(natKindNames, `choose one of ${natKindNames.join(', ')}`).optional(),
  address: ipv4.optional(),
  hairpin: z.enum(hairpins, `choose one of ${hairpins.join(', ')}`).optional(),
  mappingLifetimeS: z
    .int('give whole seconds, 1 or more')
    .min(1, 'give whole seconds, 1 or more')
    .optional(),
  /** What hosts of the LAN can ask the router for a port with; what is not listed gets no answer. */
  portMapping: z
    .array(z.enum(portMappingProtocols, `choose of ${portMappingProtocols.join(', ')}`))
    .optional(),
  /** A router that answers NAT-PMP and PCP, and makes no sense. */
  badPortMapping: z.enum(badPortMappings, `choose one of ${badPortMappings.join(', ')}`).optional(),
  /** Forgets every mapping, as a router does that restarts. */
  reboot: flag.optional(),
})

const natSchema = z.strictObject({
  ...natChangeSchema.omit({ reboot: true }).shape,
  kind: z.enum(natKindNames, `choose one of ${natKindNames.join(', ')}`),
  behind: nodeName.optional(),
  lan: ipv4Prefix.optional(),
  ipv6: z.enum(ipv6Sites, `choose one of ${ipv6Sites.join(', ')}`).optional(),
  /** For the kind dmz: who gets every unexpected packet; default: the first host. */
  dmzHost: nodeName.optional(),
  link: linkSchema.optional(),
})

/** Settings of the internet that may change while the lab runs. */
export const internetChangeSchema = z.strictObject({
  /** Pairs of hosts and NATs on the internet that do not reach each other. */
  cuts: z
    .array(
      z.tuple([nodeName, nodeName], 'give two names').readonly(),
      'list pairs such as ["home", "hub"]',
    )
    .readonly()
    .optional(),
})

export const hostChangeSchema = z.strictObject({
  firewall: flag.optional(),
  /** Roams: a NAT, or "internet". */
  behind: nodeName.optional(),
})

export const descriptionSchema = z.strictObject({
  name: nodeName.optional(),
  seed: z.int('give a whole number').min(0, 'give 0 or more').prefault(1),
  internet: z
    .strictObject({
      ipv4: ipv4Prefix.prefault('203.0.113.0/24'),
      ipv6: z
        .cidrv6('give an IPv6 prefix of 32 bits such as 2001:db8::/32')
        .prefault('2001:db8::/32'),
      ...internetChangeSchema.shape,
    })
    .prefault({}),
  hosts: z.record(nodeName, hostSchema).prefault({}),
  nats: z.record(nodeName, natSchema).prefault({}),
  services: z.record(nodeName, serviceSchema).prefault({}),
})

/** A description as written, in a TOML file or as an object. */
export type DescriptionInput = z.input<typeof descriptionSchema>
/** A description whose fields were checked one by one. */
export type Description = z.output<typeof descriptionSchema>
export type HostDescription = z.output<typeof hostSchema>
export type NatDescription = z.output<typeof natSchema>
export type Impairment = z.output<typeof impairmentSchema>
export type LinkChange = z.output<typeof linkChangeSchema>
export type LinkDescription = z.output<typeof linkSchema>
export type NatChange = z.output<typeof natChangeSchema>
export type InternetChange = z.output<typeof internetChangeSchema>
export type HostChange = z.output<typeof hostChangeSchema>
