// SPDX-License-Identifier: Apache-2.0
import { coturnCommand, coturnPorts } from './coturn.ts'
import { LabAuthority } from './lab-authority.ts'
import type { LabPlan, ServicePlan } from './lab-plan.ts'
import type { NodeNamespace } from './node-namespace.ts'
import type { ServiceChange } from './service-description.ts'
import { type Ports, ServiceProcess } from './service-process.ts'
import { addressesOf } from './uplink-wish.ts'

/** Programs that the lab itself runs on its hosts: STUN and TURN servers, plain commands. */
export class LabServices {
  readonly #plan: LabPlan
  readonly #stateDir: string
  readonly #nodeOf: (name: string) => NodeNamespace
  readonly #authority: LabAuthority
  readonly #running = new Map<string, ServiceProcess>()

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
    if (running === false) await this.#running.get(name)?.kill()
    if (running === true && this.#running.get(name)?.state !== 'running') await this.#run(service)
  }

  states(): { name: string; on: string; state: string }[] {
    return this.#plan.services.map(({ name, description }) => ({
      name,
      on: description.on,
      state: this.#running.get(name)?.state ?? 'not started',
    }))
  }

  async #run(service: ServicePlan): Promise<void> {
    const { name, description } = service
    const { on } = description
    const request = {
      name,
      node: this.#nodeOf(on),
      command: this.#commandLine(service),
      env: description.kind === 'command' ? description.env : undefined,
      ports: portsOf(description),
      logFile: `${this.#stateDir}/hosts/${on}/${name}.log`,
    }
    await ServiceProcess.start(request, (process) => this.#running.set(name, process))
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

function portsOf(description: ServicePlan['description']): Ports {
  if (description.kind === 'coturn') return coturnPorts(description)
  const { udp, tcp } = description.ready ?? {}
  return { udp: udp === undefined ? [] : [udp], tcp: tcp === undefined ? [] : [tcp] }
}
