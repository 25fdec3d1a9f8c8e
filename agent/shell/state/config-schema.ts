// SPDX-License-Identifier: Apache-2.0
/** The keys of the configuration file: what each may hold, its default, and what to write instead of a wrong value. */
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import {
  canonicalIp,
  parseTransportAddress,
  addressParts,
  type TransportAddress,
} from '../../../nat/address.ts'
import { isHostName } from '../../../topology/host-name.ts'
import type { Redundancy } from '../../core/redundancy.ts'
import type { LogLevel } from '../log.ts'
import { turnConfigSchema } from './turn-config.ts'

/** An address at which others can reach this host; without a port, at the host's own ports. */
export interface AdvertisedAddress {
  readonly ip: string
  readonly port: number | undefined
}

/** A list is for a person to read: nobody writes more than this by hand. */
const LIST_MAX = 32

const port = z.int().min(1, 'is no port').max(65_535, 'is no port')

const listOf = <T extends z.ZodType>(item: T) =>
  z.array(item).max(LIST_MAX, `has more than ${LIST_MAX} entries`)

const ip = z.string().transform((text, context) => {
  const parsed = canonicalIp(text)
  if (parsed.ok) return parsed.value
  context.addIssue({ code: 'custom', message: 'is no IP address' })
  return z.NEVER
})

const transportAddress = z.string().transform((text, context): TransportAddress => {
  const parsed = parseTransportAddress(text)
  if (parsed.ok) return parsed.value
  context.addIssue({ code: 'custom', message: 'is no IP address with a port' })
  return z.NEVER
})

const advertised = z.string().transform((text, context): AdvertisedAddress => {
  const withPort = parseTransportAddress(text)
  if (withPort.ok) {
    const parts = addressParts(withPort.value)
    return { ip: parts.ip, port: parts.port }
  }
  const alone = canonicalIp(text)
  if (alone.ok) return { ip: alone.value, port: undefined }
  context.addIssue({ code: 'custom', message: 'is no IP address, with or without a port' })
  return z.NEVER
})

const redundancy = z.enum(['duplicate', 'off'] satisfies Redundancy[], {
  error: 'is neither "duplicate" nor "off"',
})

/** Of names and tags alike: a host name, `tag:` and one, or `*`. */
const redundancyTarget = z
  .string()
  .regex(/^(\*|(tag:)?[a-z0-9-]{1,63})$/, 'is no name, no tag:NAME and not *')

const absolutePath = z.string().refine(isAbsolute, 'is no absolute path')

export const configSchema = z.strictObject({
  name: z.string().refine(isHostName, 'is no host name').optional(),
  interface: z
    .string()
    // IFNAMSIZ less its zero byte; the kernel refuses "/", spaces, "." and "..".
    .regex(/^(?!\.{1,2}$)[\w.-]{1,15}$/, 'is no interface name')
    .default('meshgate0'),
  listen_port: port.optional(),
  tcp_port: port.optional(),
  listen_addresses: listOf(ip).default(['0.0.0.0', '::']),
  advertise: listOf(advertised).default([]),
  stun_servers: listOf(transportAddress).default([]),
  turn: turnConfigSchema.default([]),
  stun_server: z
    .union([z.boolean(), z.literal('auto')], { error: 'is neither true nor false nor "auto"' })
    .default('auto'),
  authority_etcd: listOf(z.url({ protocol: /^https?$/, error: 'is no http or https URL' })).default(
    [],
  ),
  authority_etcd_ca: absolutePath.optional(),
  authority_etcd_cert: absolutePath.optional(),
  authority_etcd_key: absolutePath.optional(),
  relay: z.boolean('is neither true nor false').default(true),
  port_mapping: z.boolean('is neither true nor false').default(true),
  redundancy: z
    .union([redundancy, z.record(redundancyTarget, redundancy)], {
      error: 'is neither "duplicate" nor "off" nor a table of these',
    })
    .default('off'),
  engine: z.enum(['auto', 'kernel', 'userspace'], { error: 'is no engine' }).default('auto'),
  birthday_search: z.boolean('is neither true nor false').default(true),
  names: z.boolean('is neither true nor false').default(true),
  // IPv6 needs 1280 (RFC 8200 section 5); no link carries more than 65535.
  mtu: z.int().min(1280, 'is too small').max(65_535, 'is too large').default(1420),
  log_level: z
    .enum(['debug', 'info', 'warn', 'error'] satisfies LogLevel[], { error: 'is no log level' })
    .default('info'),
  metrics_port: port.optional(),
  otlp_endpoint: z
    .url({ protocol: /^https?$/, error: 'is no http or https URL' })
    .max(256, 'is too long')
    .optional(),
  dashboard: z
    .union([z.boolean(), z.literal('auto')], { error: 'is neither true nor false nor "auto"' })
    .default('auto'),
  dashboard_port: port.optional(),
  exclude_interfaces: listOf(
    z.string().regex(/^[\w.*-]{1,32}$/, 'is no interface name with * in it'),
  ).default([]),
})

export type ConfigKey = keyof z.input<typeof configSchema>

export const CONFIG_REMEDIES: Readonly<Record<ConfigKey, string>> = {
  name: 'write a-z, 0-9 and inner hyphens, at most 63 letters: name = "web-1"',
  interface:
    'write at most 15 letters, digits, dots, hyphens or underscores: interface = "meshgate0"',
  listen_port: 'write a number from 1 to 65535, or leave it out for a random port that is kept',
  tcp_port: 'write a number from 1 to 65535, or leave it out for the same number as the UDP port',
  listen_addresses: 'write a list of IP addresses: listen_addresses = ["0.0.0.0", "::"]',
  advertise:
    'write a list of addresses: advertise = ["192.0.2.1", "192.0.2.1:51820", "[2001:db8::1]:51820"]',
  stun_servers: 'write a list of addresses with ports, no names: stun_servers = ["192.0.2.1:3478"]',
  turn: 'write a [[turn]] table for each server, at most 8, with at least id and url',
  stun_server: 'write true, false or "auto"',
  authority_etcd:
    'write the members of the etcd cluster that the authorities share: authority_etcd = ["https://192.0.2.1:2379"]',
  authority_etcd_ca:
    'name a file of certificates in PEM, with https URLs only: authority_etcd_ca = "/etc/meshgate/etcd-ca.pem"',
  authority_etcd_cert:
    'name a file with a certificate in PEM, and its key with authority_etcd_key: authority_etcd_cert = "/etc/meshgate/etcd.pem"',
  authority_etcd_key:
    'name the file with the key of authority_etcd_cert, not readable by everybody: authority_etcd_key = "/etc/meshgate/etcd-key.pem"',
  relay:
    'write false to forward nothing for others, true (the default) to help where this host can be reached',
  port_mapping:
    'write false to ask nothing of the router, true (the default) to have it forward the ports of this host',
  redundancy:
    'write "duplicate" or "off", or a table: [redundancy] with lines such as web-1 = "duplicate" or "tag:voice" = "duplicate"',
  engine: 'write "auto", "kernel" or "userspace"',
  birthday_search:
    'write false to search for no ports of hard NATs, true (the default) to go direct where a plain punch cannot',
  names:
    "write false to leave this host's resolver alone, true (the default) to resolve <host>.<network>.mesh",
  mtu: 'write a number from 1280 to 65535',
  log_level: 'write "debug", "info", "warn" or "error"',
  metrics_port:
    'write a number from 1 to 65535 such as 9586, or leave it out to serve no metrics over TCP',
  otlp_endpoint:
    'write where a collector takes OTLP over HTTP: otlp_endpoint = "http://127.0.0.1:4318", or leave it out to send no traces',
  dashboard: 'write true, false or "auto" (the default: not on hubs)',
  dashboard_port:
    'write a number from 1 to 65535 such as 8426, or leave it out to take any that is free',
  exclude_interfaces: 'write a list of names, * for any letters: exclude_interfaces = ["docker*"]',
}
