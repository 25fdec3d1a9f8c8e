// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceDescription } from './description.ts'
import type { LabPlan } from './lab-plan.ts'
import { enterFromInside, type NodeNamespace } from './node-namespace.ts'
import { addressesOf } from './uplink-wish.ts'

const readyDeadlineMs = 15_000
const pollMs = 10
const defaultStunPort = 3478

/** Programs that the lab itself runs on its hosts: STUN and TURN servers, plain commands. */
export class LabServices {
  readonly #plan: LabPlan
  readonly #stateDir: string
  readonly #children = new Map<string, ChildProcess>()

  constructor(plan: LabPlan, stateDir: string) {
    this.#plan = plan
    this.#stateDir = stateDir
  }

  /** Starts all, and waits until each listens where it should. Throws with the tail of the log of one that ends. */
  async start(nodeOf: (name: string) => NodeNamespace): Promise<void> {
    await Promise.all(
      this.#plan.services.map(async ({ name, description }) => {
        const node = nodeOf(description.on)
        const logFile = `${this.#stateDir}/hosts/${description.on}/${name}.log`
        this.#children.set(name, this.#spawn(node, description, logFile))
        await this.#ready(name, node, description, logFile)
      }),
    )
  }

  states(): { name: string; on: string; state: string }[] {
    return this.#plan.services.map(({ name, description }) => ({
      name,
      on: description.on,
      state: stateOf(this.#children.get(name)),
    }))
  }

  #spawn(node: NodeNamespace, service: ServiceDescription, logFile: string): ChildProcess {
    const [command, ...args] = [...enterFromInside(node), ...this.#commandLine(service)]
    const log = openSync(logFile, 'a')
    const env = service.kind === 'command' ? { ...process.env, ...service.env } : process.env
    return spawn(command, args, { stdio: ['ignore', log, log], env })
  }

  #commandLine(service: ServiceDescription): string[] {
    if (service.kind === 'command') return service.run
    const host = this.#plan.hosts.find(({ name }) => name === service.on)
    const listen = addressesOf(host?.uplinks ?? []).flatMap((address) => ['-L', address])
    return [
      ...coturn(service.port ?? defaultStunPort, listen, service.turn),
      ...(service.args ?? []),
    ]
  }

  async #ready(
    name: string,
    node: NodeNamespace,
    service: ServiceDescription,
    logFile: string,
  ): Promise<void> {
    const ports =
      service.kind === 'coturn' ? { udp: service.port ?? defaultStunPort } : (service.ready ?? {})
    const deadline = Date.now() + readyDeadlineMs
    while (!(await listens(node, ports))) {
      const state = stateOf(this.#children.get(name))
      if (state !== 'running' || Date.now() > deadline) {
        const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5).join('\n')
        throw new Error(`service ${name} is not ready (${state}); its log ends:\n${log}`)
      }
      await delay(pollMs)
    }
  }
}

/** Two IPv4 addresses let coturn answer the behaviour tests of RFC 5780. */
function coturn(
  port: number,
  listen: readonly string[],
  turn: { user: string; password: string; realm: string } | undefined,
): string[] {
  const quiet = '-n --no-cli --no-tls --no-dtls --log-file stdout --pidfile /run/turnserver.pid'
  const account =
    turn === undefined
      ? ['--stun-only']
      : ['--lt-cred-mech', '--user', `${turn.user}:${turn.password}`, '--realm', turn.realm]
  return [
    'turnserver',
    ...quiet.split(' '),
    '--listening-port',
    String(port),
    ...listen,
    ...account,
  ]
}

async function listens(
  node: NodeNamespace,
  ports: { udp?: number | undefined; tcp?: number | undefined },
): Promise<boolean> {
  for (const [protocol, port] of Object.entries(ports)) {
    if (port === undefined) continue
    const tables = await Promise.all(
      // These list the sockets of the process's own network namespace.
      [protocol, `${protocol}6`].map((table) => readFile(`/proc/${node.pid}/net/${table}`, 'utf8')),
    )
    const local = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 0+:0000`)
    if (!tables.some((table) => local.test(table))) return false
  }
  return true
}

function stateOf(child: ChildProcess | undefined): string {
  if (child === undefined) return 'not started'
  if (child.exitCode !== null) return `ended with ${child.exitCode}`
  if (child.signalCode !== null) return `ended by ${child.signalCode}`
  return 'running'
}
