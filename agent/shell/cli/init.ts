// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { foundNetwork, type FoundingFault } from '../authority/found-network.ts'
import { asRoot, openState } from './state-owner.ts'
import { writeAdvertise } from './advertise.ts'
import { type CommandContext, print } from './context.ts'
import { startAndWait } from './first-contact.ts'
import { localPrefixes } from './local-prefixes.ts'
import { nameOfThisHost } from './membership.ts'
import { mayStartServices, startCommand } from './services.ts'
import { parseDuration, parseHostAddress, usage } from './option-values.ts'

const LIFETIME_MS_MIN = 30_000
const LIFETIME_MS_MAX = 366 * 86_400_000

interface InitOptions {
  readonly name?: string
  readonly network: string
  readonly advertise: readonly string[]
  readonly ipv4Prefix?: string
  /** False with --no-start. */
  readonly start: boolean
  readonly approve?: boolean
  readonly certificateLifetime: string
}

/** `meshgate init` */
export async function init(context: CommandContext, options: InitOptions): Promise<number> {
  const name = nameOfThisHost(context, options.name)
  for (const address of options.advertise) parseHostAddress('--advertise', address)
  if (options.advertise.length > 0 && existsSync(context.configPath))
    throw new Failure('config-exists', `${context.configPath} exists and is left as it is`, {
      remedy: `leave out --advertise, and write there: advertise = ${JSON.stringify(options.advertise)}`,
    })
  const wish = {
    networkName: options.network,
    nodeName: name,
    tags: [],
    ipv4Prefix: options.ipv4Prefix,
    localPrefixes: localPrefixes(),
    approve: options.approve ?? false,
    lifetimeMs: lifetimeMsOf(options.certificateLifetime),
  }
  const founded = foundNetwork(openState(context.stateDir), wish, readClock().wall)
  if (!founded.ok) throw failureOf(founded.error, options)
  if (options.advertise.length > 0)
    asRoot(() => writeAdvertise(context.configPath, options.advertise))
  const starts = options.start && mayStartServices(context)
  if (starts) await startAndWait(context, 'agent')
  const { network, certificate } = founded.value
  const document = {
    network: network.name,
    networkId: network.id,
    name: certificate.name,
    nodeId: certificate.node,
    addresses: [certificate.ipv4, certificate.ipv6],
    ipv4Prefix: network.ipv4Prefix,
    ipv6Prefix: network.ipv6Prefix,
  }
  const text = `network ${network.name} made: ${network.ipv4Prefix}, ${network.ipv6Prefix}
this host is ${certificate.name}: ${certificate.ipv4}, ${certificate.ipv6}

${starts ? '' : `Run the agent:          ${startCommand(context)}\n`}Then let others join:   meshgate token create
Keep a copy of ${context.stateDir}/authority.json in a safe place: it is the network's key.`
  print(context, document, text)
  return 0
}

/** Shorter, and a host that sleeps for an hour is out; longer, and a lost key is good for ever. */
function lifetimeMsOf(text: string): number {
  const lifetimeMs = parseDuration('--certificate-lifetime', text)
  if (lifetimeMs >= LIFETIME_MS_MIN && lifetimeMs <= LIFETIME_MS_MAX) return lifetimeMs
  throw usage(`--certificate-lifetime ${text} is out of bounds`, 'give 30s to 366d')
}

function failureOf(fault: FoundingFault, options: InitOptions): Failure {
  switch (fault) {
    case 'already-a-member':
      return new Failure(fault, 'this host is a member of a network already', {
        remedy: 'leave it first with `meshgate leave`, or choose another --state-dir',
      })
    case 'bad-network-name':
    case 'bad-node-name': {
      const given = fault === 'bad-node-name' ? options.name : options.network
      return usage(`${given} is not a name`, 'use 1 to 63 of a-z, 0-9 and inner hyphens')
    }
    case 'bad-prefix':
      return usage(
        `--ipv4-prefix ${options.ipv4Prefix} cannot be the address plan`,
        'give a private prefix of /29 or larger, such as 10.7.0.0/16',
      )
    case 'bad-tags':
      return usage('the tags cannot be used', 'use a-z, 0-9 and inner hyphens')
    case 'authority-in-use':
      return new Failure(fault, 'another network was made in this state directory', {
        remedy: 'choose another --state-dir',
      })
    case 'no-free-prefix':
      return new Failure(fault, 'every 10.x.0.0/16 overlaps a route or address of this host', {
        remedy: 'choose an address plan with --ipv4-prefix, such as 172.20.0.0/16',
      })
  }
}
