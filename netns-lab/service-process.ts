// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { enterFromInside, type NodeNamespace } from './node-namespace.ts'

const readyDeadlineMs = 15_000
const pollMs = 10

export interface Ports {
  readonly udp: readonly number[]
  readonly tcp: readonly number[]
}

export interface ServiceRequest {
  readonly name: string
  readonly node: NodeNamespace
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  /** It is ready once it listens on all of these. */
  readonly ports: Ports
  readonly logFile: string
}

/** A program that runs in a node of the lab, on the lab's side: it dies with the lab. */
export class ServiceProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts it, and waits until it listens. Throws with the tail of its log if it ends before. */
  static async start(request: ServiceRequest, onSpawn?: (service: ServiceProcess) => void) {
    const [program, ...args] = [...enterFromInside(request.node), ...request.command]
    const log = openSync(request.logFile, 'a')
    const env = { ...process.env, ...request.env }
    const service = new ServiceProcess(spawn(program, args, { stdio: ['ignore', log, log], env }))
    closeSync(log)
    onSpawn?.(service)
    await untilListening(service, request)
    return service
  }

  get state(): string {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null) return `ended with ${exitCode}`
    return signalCode === null ? 'running' : `ended by ${signalCode}`
  }

  /** Ends it without a word to its clients. */
  async kill(): Promise<void> {
    if (this.state !== 'running') return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

async function untilListening(
  service: ServiceProcess,
  { name, node, ports, logFile }: ServiceRequest,
): Promise<void> {
  const deadline = Date.now() + readyDeadlineMs
  while (!(await listens(node, ports))) {
    if (service.state !== 'running' || Date.now() > deadline) {
      const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-5).join('\n')
      throw new Error(`service ${name} is not ready (${service.state}); its log ends:\n${log}`)
    }
    await delay(pollMs)
  }
}

async function listens(node: NodeNamespace, ports: Ports): Promise<boolean> {
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
