// SPDX-License-Identifier: Apache-2.0
/** Looks at the host: reads, and changes nothing. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import type { Netcheck } from '../../core/netcheck.ts'
import type { Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { readConfig } from '../cli/configuration.ts'
import type { CommandContext } from '../cli/context.ts'
import { hasServices } from '../cli/services.ts'
import { readClock } from '../clock.ts'
import { failureDocument } from '../failure.ts'
import { StateDir } from '../state/state-dir.ts'
import { VERSION } from '../version.ts'
import type { Facts, StateFacts } from './facts.ts'

export async function gatherFacts(context: CommandContext): Promise<Facts> {
  const { configPath, stateDir, runDir } = context
  const config = attempt(() => readConfig(context))
  const meshInterface = config.ok ? config.value.interface : 'meshgate0'
  return {
    now: readClock().wall,
    paths: { config: configPath, state: stateDir, run: runDir },
    hasConfig: existsSync(configPath),
    configProblem: config.ok ? undefined : config.message,
    state: stateFacts(stateDir),
    agent: await agentFacts(runDir),
    services: serviceFacts(context),
    hasTunDevice: existsSync('/dev/net/tun'),
    hasIpv6:
      existsSync('/proc/net/if_inet6') && read('/proc/sys/net/ipv6/conf/all/disable_ipv6') !== '1',
    routes: routesBeside(meshInterface),
    version: VERSION,
  }
}

type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly remedy: string }

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { ok: true, value: work() }
  } catch (error) {
    const { message, remedy } = failureDocument(error).error
    return { ok: false, message, remedy }
  }
}

function stateFacts(directory: string): StateFacts {
  // Opening it would make it: a look must not.
  const there = existsSync(directory)
  const membership = attempt(() => (there ? StateDir.open(directory).loadMembership() : undefined))
  const known = membership.ok ? membership.value : undefined
  const disk = attempt(() => statfsSync(there ? directory : '/'))
  return {
    network: known?.network,
    certificate: known?.certificate,
    problem: membership.ok ? undefined : membership,
    isMember: known !== undefined,
    isWritable: attempt(() => accessSync(directory, constants.W_OK)).ok,
    freeBytes: disk.ok ? disk.value.bavail * disk.value.bsize : 0,
  }
}

async function agentFacts(runDir: string): Promise<Facts['agent']> {
  const client = new ApiClient(runDir)
  try {
    const status = await client.get<Status>('/v1/status')
    return { ok: true, status, netcheck: await client.get<Netcheck>('/v1/netcheck') }
  } catch (error) {
    const { code, message } = failureDocument(error).error
    return { ok: false, code, message }
  }
}

function serviceFacts(context: CommandContext): Facts['services'] {
  if (!hasServices(context)) return 'none'
  const asked = spawnSync('systemctl', ['is-enabled', '--quiet', 'meshgate.service'])
  return asked.status === 0 ? 'enabled' : 'not-enabled'
}

/** Of /proc/net/route and ipv6_route: what goes elsewhere than into the mesh, default routes left out. */
function routesBeside(meshInterface: string): Facts['routes'] {
  return [...ipv4Routes(), ...ipv6Routes()].filter((one) => one.interface !== meshInterface)
}

function ipv4Routes(): Facts['routes'] {
  return lines('/proc/net/route').flatMap((line) => {
    const [name = '', destination = '', , , , , , mask = ''] = line.split('\t')
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
    const ip = [...Buffer.from(destination, 'hex')].toReversed().join('.')
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length
    return bits === 0 ? [] : [{ prefix: `${ip}/${bits}`, interface: name }]
  })
}

function ipv6Routes(): Facts['routes'] {
  return lines('/proc/net/ipv6_route').flatMap((line) => {
    const [destination = '', bitsHex = ''] = line.split(/\s+/)
    const name = line.trim().split(/\s+/).at(-1) ?? ''
    const bits = Number.parseInt(bitsHex, 16)
    if (!/^[0-9a-f]{32}$/.test(destination) || bits === 0 || name === 'lo') return []
    const ip = destination.match(/.{4}/g)!.join(':')
    return [{ prefix: `${ip}/${bits}`, interface: name }]
  })
}

function lines(path: string): string[] {
  return read(path).split('\n')
}

function read(path: string): string {
  const text = attempt(() => readFileSync(path, 'latin1'))
  return text.ok ? text.value.trim() : ''
}
