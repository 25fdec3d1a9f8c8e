// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { coturnCommand, coturnPorts } from './coturn.ts'
import { LabAuthority } from './lab-authority.ts'
import type { LabPlan, ServicePlan } from './lab-plan.ts'
import { enterFromInside, type NodeNamespace } from './node-namespace.ts'
import type { ServiceChange } from './service-description.ts'
import { addressesOf } from './uplink-wish.ts'

const readyDeadlineMs = 15_000
const pollMs = 10

/** Programs that the lab itself runs on its hosts: STUN and TURN servers, plain commands. */
export class LabServices {
  readonly #plan: LabPlan
  readonly #stateDir: string
  readonly #nodeOf: (name: string) => NodeNamespace
  readonly #authority: LabAuthority
  readonly #children = new Map<string, ChildProcess>()

  constructor(plan: LabPlan, stateDir: string, nodeOf: (name: string) => NodeNamespace) {
    this.#plan = plan
    this.#stateDir = stateDir
    this.#nodeOf = nodeOf
    this.#authority = new LabAuthority(stateDir)
  }

  /** Starts all, and waits until each listens where it should. Throws with the tail of the log of one that ends. */
  async start(): Promise<void> {
    const { services, hosts } = this.#plan
    const overTls = services.filter(({ description }) => isOverTls(description))
    if (overTls.length > 0) await this.#authority.open(hosts.map(({ name }) => name))
    await Promise.all(
      overTls.map(async ({ name, description: { on } }) =>
        this.#authority.certify(on, name, this.#addresses(on)),
      ),
    )
    await Promise.all(services.map(async (service) => this.#run(service)))
  }

  /** Kills a service without a word to its clients, or starts it again with the same command. */
  async change(name: string, { running }: ServiceChange): Promise<void> {
    const service = this.#plan.services.find((entry) => entry.name === name)
    if (service === undefined) throw new Error(`no service is named ${name}`)
    const child = this.#children.get(name)
    const runs = stateOf(child) === 'running'
    if (running === true && !runs) await this.#run(service)
    if (running === false && runs && child !== undefined) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
  }

  states(): { name: string; on: string; state: string }[] {
    return this.#plan.services.map(({ name, description }) => ({
      name,
      on: description.on,
      state: stateOf(this.#children.get(name)),
    }))
  }

  async #run(service: ServicePlan): Promise<void> {
    const { name, description } = service
    const node = this.#nodeOf(description.on)
    const logFile = `${this.#stateDir}/hosts/${description.on}/${name}.log`
    const [command, ...args] = [...enterFromInside(node), ...this.#commandLine(service)]
    const log = openSync(logFile, 'a')
    const env =
      description.kind === 'command' ? { ...process.env, ...description.env } : process.env
    const child = spawn(command, args, { stdio: ['ignore', log, log], env })
    this.#children.set(name, child)
    await untilListening(service, node, () => stateOf(child), logFile)
  }

  #commandLine({ name, description }: ServicePlan): string[] {
    if (description.kind === 'command') return description.run
    const { on } = description
    const files = this.#authority.files(on, name)
    return coturnCommand(name, description, this.#addresses(on), files)
  }

  #addresses(host: string): string[] {
    return addressesOf(this.#plan.hosts.find(({ name }) => name === host)?.uplinks ?? [])
  }
}

function isOverTls(description: ServicePlan['description']): boolean {
  return description.kind === 'coturn' && description.tls === true
}

async function untilListening(
  { name, description }: ServicePlan,
  node: NodeNamespace,
  state: () => string,
  logFile: string,
): Promise<void> {
  const { ready = {} } = description.kind === 'command' ? description : {}
  const ports =
    description.kind === 'coturn'
      ? coturnPorts(description)
      : { udp: [ready.udp ?? []].flat(), tcp: [ready.tcp ?? []].flat() }
  const deadline = Date.now() + readyDeadlineMs
  while (!(await listens(node, ports))) {
    if (state() !== 'running' || Date.now() > deadline) {
      const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5).join('\n')
      throw new Error(`service ${name} is not ready (${state()}); its log ends:\n${log}`)
    }
    await delay(pollMs)
  }
}

async function listens(
  node: NodeNamespace,
  ports: { readonly udp: readonly number[]; readonly tcp: readonly number[] },
): Promise<boolean> {
  for (const protocol of ['udp', 'tcp'] as const) {
    if (ports[protocol].length === 0) continue
    const tables = await Promise.all(
      // These list the sockets of the process's own network namespace.
      [protocol, `${protocol}6`].map((table) => readFile(`/proc/${node.pid}/net/${table}`, 'utf8')),
    )
    const isOpen = (port: number) => {
      const local = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 0+:0000`)
      return tables.some((table) => local.test(table))
    }
    if (!ports[protocol].every(isOpen)) return false
  }
  return true
}

function stateOf(child: ChildProcess | undefined): string {
  if (child === undefined) return 'not started'
  if (child.exitCode !== null) return `ended with ${child.exitCode}`
  if (child.signalCode !== null) return `ended by ${child.signalCode}`
  return 'running'
}
