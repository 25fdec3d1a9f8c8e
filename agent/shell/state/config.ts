// SPDX-License-Identifier: Apache-2.0
/**
 * The agent's one configuration file, TOML. Checked as a whole before anything is touched: every fault is
 * reported at once, each with its field, its value, what is wrong and what to do.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import type { RedundancyRules } from '../../core/redundancy.ts'
import type { z } from 'zod'
import type { TransportAddress } from '../../../nat/address.ts'
import type { DesiredTurnServer } from '../../core/helper-contract.ts'
import {
  type AdvertisedAddress,
  CONFIG_REMEDIES,
  type ConfigKey,
  configSchema,
} from './config-schema.ts'
import type { LogLevel } from '../log.ts'
import { type EtcdAccess, type EtcdProblem, readEtcdAccess } from './etcd-config.ts'
import { nearestWord } from './nearest-word.ts'
import {
  readTurnServers,
  shownOfTurn,
  TURN_REMEDIES,
  type TurnConfig,
  type TurnProblem,
} from './turn-config.ts'

export interface Config {
  /** Wanted host name; undefined: the system's. */
  readonly name: string | undefined
  readonly interface: string
  /** UDP; undefined: random and kept. */
  readonly listenPort: number | undefined
  /** TCP; undefined: the same number as the UDP port. */
  readonly tcpPort: number | undefined
  /** Where the TCP port listens. */
  readonly listenAddresses: readonly string[]
  readonly advertise: readonly AdvertisedAddress[]
  readonly stunServers: readonly TransportAddress[]
  /** With the passwords that were read from files. */
  readonly turn: readonly DesiredTurnServer[]
  readonly stunServer: boolean | 'auto'
  /** Where several authorities keep one ledger. Read where the network's key is. */
  readonly authorityEtcd: EtcdAccess
  /** Forward other members' ciphertext, if this host can be reached. */
  readonly relay: boolean
  /** For the helper, if the agent is who starts it. */
  readonly engine: 'auto' | 'kernel' | 'userspace'
  readonly birthdaySearch: boolean
  /** Ask the router to forward this host's ports. */
  readonly portMapping: boolean
  readonly redundancy: RedundancyRules
  /** Resolve the names of the mesh's hosts. */
  readonly names: boolean
  readonly mtu: number
  readonly logLevel: LogLevel
  /** TCP on loopback; undefined: none. */
  readonly metricsPort: number | undefined
  /** Base URL of a collector that takes OTLP over HTTP; undefined: no traces. */
  readonly otlpEndpoint: string | undefined
  /** Whether `meshgate dashboard` may open the page; auto: not on hubs. */
  readonly dashboard: boolean | 'auto'
  /** TCP on loopback; undefined: any that is free. */
  readonly dashboardPort: number | undefined
  /** Interface names, `*` for any letters, whose addresses are no candidates. */
  readonly excludeInterfaces: readonly string[]
}

export interface ConfigProblem {
  /** `stun_servers[1]`; empty for the file as a whole. */
  readonly field: string
  readonly value: unknown
  readonly problem: string
  readonly remedy: string
}

export type ConfigResult =
  | { readonly ok: true; readonly value: Config }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export interface ConfigFile {
  readonly path: string
  /** Named by the operator, so it must be there; the default file may be missing. */
  readonly explicit: boolean
}

const CONFIG_BYTES_MAX = 65_536

export function loadConfig({ path, explicit }: ConfigFile): ConfigResult {
  const whole = (problem: string, remedy: string) =>
    refused({ field: '', value: path, problem, remedy })
  try {
    const text = readText(path)
    if (text !== undefined) return parseConfig(text)
    return whole(`is larger than ${CONFIG_BYTES_MAX} bytes`, 'name the right file')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return whole(message, 'make it a file that the agent may read')
    return explicit ? whole('is not there', 'write it, or name no file') : parseConfig('')
  }
}

/** Everything that the text leaves out has its default. */
export function parseConfig(text: string): ConfigResult {
  let document: Record<string, unknown>
  try {
    document = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const problem = `line ${error.line}, column ${error.column}: ${error.message.split('\n')[0]}`
    const remedy = 'write TOML: key = value, text in quotes, lists in [brackets]'
    return refused({ field: '', value: null, problem, remedy })
  }
  const checked = configSchema.safeParse(document)
  if (checked.success) {
    const { servers, problems } = readTurnServers(checked.data.turn)
    const etcd = readEtcdAccess(checked.data)
    const all = [...problems.map(turnProblem), ...etcd.problems.map(etcdProblem)]
    if (all.length > 0) return refused(...all)
    return { ok: true, value: configOf(checked.data, servers, etcd.access) }
  }
  return refused(...checked.error.issues.flatMap((issue) => problemsOf(issue, document)))
}

function configOf(
  data: z.output<typeof configSchema>,
  turn: readonly DesiredTurnServer[],
  authorityEtcd: EtcdAccess,
): Config {
  return {
    name: data.name,
    interface: data.interface,
    listenPort: data.listen_port,
    tcpPort: data.tcp_port,
    listenAddresses: data.listen_addresses,
    advertise: data.advertise,
    stunServers: data.stun_servers,
    turn,
    stunServer: data.stun_server,
    authorityEtcd,
    relay: data.relay,
    engine: data.engine,
    birthdaySearch: data.birthday_search,
    portMapping: data.port_mapping,
    redundancy: typeof data.redundancy === 'string' ? { '*': data.redundancy } : data.redundancy,
    names: data.names,
    mtu: data.mtu,
    logLevel: data.log_level,
    metricsPort: data.metrics_port,
    otlpEndpoint: data.otlp_endpoint,
    dashboard: data.dashboard,
    dashboardPort: data.dashboard_port,
    excludeInterfaces: data.exclude_interfaces,
  }
}

function problemsOf(issue: z.core.$ZodIssue, document: Record<string, unknown>): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...issue.path, key], document))
  }
  const { path } = issue
  const [key, , inner] = path
  const field = fieldName(path)
  const given = valueAt(path, document)
  const value = key === 'turn' ? shownOfTurn(inner, given) : given
  const ofTurn = key === 'turn' ? TURN_REMEDIES[inner as keyof TurnConfig] : undefined
  const remedy = ofTurn ?? CONFIG_REMEDIES[key as ConfigKey]
  const problem =
    issue.code === 'invalid_type' ? `is not of the kind ${issue.expected}` : issue.message
  return [{ field, value, problem, remedy }]
}

/** `turn[0].url` */
function fieldName([key, ...rest]: readonly PropertyKey[]): string {
  return rest.reduce<string>(
    (name, part) => (typeof part === 'number' ? `${name}[${part}]` : `${name}.${String(part)}`),
    String(key),
  )
}

function valueAt(path: readonly PropertyKey[], document: unknown): unknown {
  return path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    document,
  )
}

function turnProblem({ index, key, value, problem }: TurnProblem): ConfigProblem {
  return { field: `turn[${index}].${key}`, value, problem, remedy: TURN_REMEDIES[key] }
}

function etcdProblem(problem: EtcdProblem): ConfigProblem {
  return { ...problem, remedy: CONFIG_REMEDIES[problem.field] }
}

function unknownKey(path: readonly PropertyKey[], document: unknown): ConfigProblem {
  const known = Object.keys(path.length === 1 ? CONFIG_REMEDIES : TURN_REMEDIES)
  const key = String(path.at(-1))
  const meant = nearestWord(key, known)
  const remedy =
    meant === undefined ? `remove it; known are ${known.join(', ')}` : `did you mean ${meant}?`
  // What was meant for a password may stand under a misspelt name.
  const value = path.length === 1 ? valueAt(path, document) : null
  return { field: fieldName(path), value, problem: 'is no known key', remedy }
}

function refused(...problems: ConfigProblem[]): ConfigResult {
  return { ok: false, problems }
}

/** Undefined if the file is too large. */
function readText(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(CONFIG_BYTES_MAX + 1)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return length > CONFIG_BYTES_MAX ? undefined : bytes.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}
