// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type Capture, startCapture } from './capture.ts'
import { type EnterOptions, enterFromOutside } from './enter-node.ts'
import { HostProcess } from './host-process.ts'
import { caFileName } from './lab-authority.ts'
import type { UplinkPlan } from './lab-plan.ts'
import { until, type Wait } from './until.ts'
import { addressesOf } from './uplink-wish.ts'

/** How many times as long a lab waits: more than 1 only where the processor is simulated (scripts/test-kernel). */
const PATIENCE = Number(process.env['MESHGATE_LAB_PATIENCE'] ?? 1)

export interface ExecResult {
  /** Exit code; 128 + signal number where a signal ended the command, as a shell reports it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface LabNode {
  readonly name: string
  readonly outerPid: number
  /** For the node's logs and files; the same path inside and outside. */
  readonly stateDir: string
  readonly uplinks: readonly UplinkPlan[]
}

/** A host of a running lab; NATs and the internet can be entered in the same way. */
export class LabHost implements LabNode {
  readonly name: string
  readonly outerPid: number
  readonly stateDir: string
  readonly uplinks: readonly UplinkPlan[]
  readonly #keepEvidence: () => Promise<string>

  constructor(node: LabNode, keepEvidence: () => Promise<string>) {
    this.name = node.name
    this.outerPid = node.outerPid
    this.stateDir = node.stateDir
    this.uplinks = node.uplinks
    this.#keepEvidence = keepEvidence
  }

  /** Addresses at the time of description, IPv4 first, as others on the same network would dial them. */
  get addresses(): readonly string[] {
    return addressesOf(this.uplinks)
  }

  /** The first IPv4 address. */
  get address(): string {
    const [first] = this.addresses
    if (first === undefined) throw new Error(`${this.name} has no address`)
    return first
  }

  /** The certificate of the lab's own authority, by which a service with `tls` is trusted. */
  get caFile(): string {
    return `${this.stateDir}/${caFileName}`
  }

  /** Runs a command to its end. A non-zero exit code is a result, not an error; the deadline is an error. */
  async exec(
    command: readonly string[],
    options: EnterOptions & { input?: string; deadlineMs?: number } = {},
  ): Promise<ExecResult> {
    const { input, deadlineMs = 60_000 * PATIENCE, ...enter } = options
    const [program, ...args] = enterFromOutside(this, command, enter)
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    // The command may end without reading its input.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    const process = new HostProcess(this.name, command, child)
    const ended = Promise.all([
      process.exit,
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        process.kill('SIGKILL')
        reject(new Error(`${this.name}: ${command.join(' ')} took more than ${deadlineMs} ms`))
      }, deadlineMs)
    })
    try {
      const [code, stdout, stderr] = await Promise.race([ended, late])
      return { code, stdout, stderr }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Like exec, but throws unless the command succeeds; returns its output. */
  async run(
    command: readonly string[],
    options: EnterOptions & { input?: string } = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.exec(command, options)
    if (code === 0) return stdout
    throw new Error(`${this.name}: ${command.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  }

  /** Starts a command that goes on. Its output goes to a log in the state directory, by default `<program>.log`. */
  spawn(command: readonly string[], options: EnterOptions & { log?: string } = {}): HostProcess {
    return HostProcess.start(this, command, options)
  }

  /** Waits until the condition gives something other than false or undefined; keeps evidence if it does not in time. */
  async waitFor<T>(
    condition: () => Promise<T> | T,
    wait: Wait,
  ): Promise<Exclude<T, false | undefined | null>> {
    try {
      const deadlineMs = wait.deadlineMs * PATIENCE
      return await until(condition, { ...wait, deadlineMs, what: `${this.name}: ${wait.what}` })
    } catch (error) {
      const directory = await this.#keepEvidence().catch(String)
      throw new Error(`${(error as Error).message}\nlogs and trace: ${directory}`, { cause: error })
    }
  }

  /** Records packets with tcpdump from now on. `device` may be `any`; the filter is in tcpdump's language. */
  async capture(device: string, filter = ''): Promise<Capture> {
    return startCapture(this, device, filter)
  }
}
