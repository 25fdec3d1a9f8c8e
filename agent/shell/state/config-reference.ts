// SPDX-License-Identifier: Apache-2.0
/** What each key of the configuration file is for. docs/config.md is made from this and the schema. */
import { z } from 'zod'
import { CONFIG_REMEDIES, type ConfigKey, configSchema } from './config-schema.ts'

interface KeyReference {
  readonly about: string
  /** A reload takes it up; otherwise it holds from the agent's next start. */
  readonly live: boolean
}

export const CONFIG_REFERENCE: Readonly<Record<ConfigKey, KeyReference>> = {
  name: {
    about: 'Name of this host in the mesh, asked for when it joins. Left out: the host name.',
    live: false,
  },
  interface: { about: 'Name of the network interface that the mesh appears on.', live: false },
  listen_port: {
    about:
      'The one UDP port, for WireGuard, probes, STUN and relaying. Left out: random from 20000 to 32767, and then kept.',
    live: false,
  },
  tcp_port: {
    about:
      'TCP port for gossip and joining hosts. Left out: the number of the UDP port. 443 is what networks that block everything else leave open; a port below 1024 is opened by `meshgate run` before it gives up what root may do, or by a socket unit of systemd with the same port (`ListenStream=443`).',
    live: false,
  },
  listen_addresses: { about: 'Addresses of this host on which the TCP port listens.', live: false },
  advertise: {
    about:
      'Addresses at which others reach this host although none of its interfaces shows them, such as behind a router that forwards a port.',
    live: true,
  },
  stun_servers: {
    about: 'STUN servers to ask beside those that members run. UDP, IP addresses with ports.',
    live: true,
  },
  turn: {
    about:
      'TURN servers (RFC 8656) of yours or of a provider, most wanted first, for networks where no member can be reached, and for hosts that may only speak TCP to port 443. Each lets this host in by name and password, or by a secret that it shares with the server, of which passwords are made that hold for a day.',
    live: true,
  },
  stun_server: {
    about:
      'Whether this host answers STUN for others. "auto": if it seems that others can reach it.',
    live: true,
  },
  relay: {
    about: "Whether this host forwards other members' ciphertext where it can be reached.",
    live: true,
  },
  redundancy: {
    about:
      'To whom every packet is sent over the two best paths all the time, so that one that dies costs none, for twice the bandwidth: "duplicate" or "off" for everybody, or a table by name, by "tag:" and a tag, or by "*". A name goes before tags, tags before "*". Each side chooses for what it sends.',
    live: true,
  },
  authority_etcd: {
    about:
      "The etcd cluster on which several authorities keep one ledger. Only read where the network's own key is; left out, the ledger is a file of this host.",
    live: false,
  },
  authority_etcd_ca: {
    about:
      "File of the certificates that the etcd members' own are held against. Left out: whom the system believes. It is read with each call, like the two below.",
    live: false,
  },
  authority_etcd_cert: {
    about: 'File of the certificate that this host shows to etcd, for clusters that ask for one.',
    live: false,
  },
  authority_etcd_key: {
    about: 'File of the key of authority_etcd_cert, in PEM, without a passphrase.',
    live: false,
  },
  engine: {
    about:
      "Whose WireGuard it is: the kernel's own, or the helper's in user space. \"auto\" takes the kernel's where there is one. For a helper that `meshgate run` starts; one that runs as a service has the option --engine.",
    live: false,
  },
  birthday_search: {
    about:
      'Whether this host takes part in searches for direct paths through hard NATs: up to 256 sockets or 1,024 probes for some seconds.',
    live: true,
  },
  port_mapping: {
    about: 'Whether the router is asked (PCP, NAT-PMP, UPnP) to forward the ports of this host.',
    live: true,
  },
  names: {
    about:
      "Whether this host resolves the mesh's names, `<host>.<network>.mesh`, and back. Its resolver is put back when meshgate stops.",
    live: true,
  },
  mtu: {
    about:
      'The largest packets that the interface takes, in bytes. What the paths to a peer carry is measured, and the routes to it carry that.',
    live: true,
  },
  log_level: { about: 'The least that is logged.', live: true },
  metrics_port: {
    about:
      'TCP port on loopback (127.0.0.1) for Prometheus, path /metrics. The Unix socket has the same at /v1/metrics.',
    live: false,
  },
  otlp_endpoint: {
    about:
      'Where a collector of OpenTelemetry takes OTLP over HTTP; /v1/traces is added. Left out: no traces. Spans of joins, punches and failovers then leave this host, with the names of members, their addresses and paths.',
    live: false,
  },
  dashboard: {
    about:
      'Whether `meshgate dashboard` may open the page on loopback (127.0.0.1). "auto": not on hubs, which strangers can reach. Nothing listens before a link was asked for.',
    live: false,
  },
  dashboard_port: {
    about: 'TCP port on loopback for the page; left out, any that is free.',
    live: false,
  },
  exclude_interfaces: {
    about:
      'Interfaces whose addresses are not offered to others, and that are no uplinks; `*` stands for any letters. Private addresses within other tunnels (WireGuard, tun, and the like) are not offered in any case; `advertise` names one that should be.',
    live: true,
  },
}

/** The key of the file for a field of Config: listenPort is listen_port. */
export function configKey(field: string): ConfigKey {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as ConfigKey
}

/** docs/config.md. */
export function configReference(): string {
  const { properties = {} } = z.toJSONSchema(configSchema, { io: 'input' })
  const keys = Object.entries(properties).map(([key, schema]) =>
    section(key as ConfigKey, schema as JsonSchema),
  )
  return `${HEAD}\n${keys.join('\n')}`
}

const HEAD = `# The configuration file

One TOML file, \`/etc/meshgate/config.toml\` unless \`--config\` or \`MESHGATE_CONFIG\` names another. It may be missing: every key
has a default. \`meshgate config check\` says everything that is wrong with it, and nothing is touched before all of it is right;
an unknown key is refused, with the known one that is nearest. \`meshgate reload\` (or SIGHUP) takes up a changed file without a
restart; keys marked *restart* hold from the agent's next start. This page is made from the schema by \`npm run docs\`.
`

interface JsonSchema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly default?: unknown
}

function section(key: ConfigKey, schema: JsonSchema): string {
  const { about, live } = CONFIG_REFERENCE[key]
  const fallback = schema.default === undefined ? 'none' : `\`${JSON.stringify(schema.default)}\``
  const facts = [kindOf(schema), `default ${fallback}`, live ? 'reload' : '*restart*']
  return `## ${key}\n\n${about}\n\n${facts.join(' · ')}\n\nTo be right: ${CONFIG_REMEDIES[key]}.\n`
}

function kindOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((v) => JSON.stringify(v)).join(', ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.type === 'array') {
    const { items = {}, maxItems } = schema
    return `list of: ${kindOf(items)}${maxItems === undefined ? '' : `, at most ${maxItems}`}`
  }
  if (schema.type === 'object') {
    const inner = Object.entries(schema.properties ?? {})
    return `table of ${inner.map(([name, one]) => `\`${name}\` (${kindOf(one)})`).join(', ')}`
  }
  if (schema.type === 'integer') return `whole number, ${schema.minimum} to ${schema.maximum}`
  return schema.type === 'string' ? 'text' : (schema.type ?? 'anything')
}
