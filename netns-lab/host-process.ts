// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { basename } from 'node:path'
import { type EnterOptions, enterFromOutside } from './enter-node.ts'

/** A command running in a node of the lab. */
export class HostProcess {
  /** Exit code; 128 + signal number where a signal ended the command, as a shell reports it. */
  readonly exit: Promise<number>
  readonly #host: string
  readonly #command: readonly string[]
  readonly #child: ChildProcess
  readonly #logFile: string | undefined

  constructor(host: string, command: readonly string[], child: ChildProcess, logFile?: string) {
    this.#host = host
    this.#command = command
    this.#child = child
    this.#logFile = logFile
    this.exit = new Promise((resolve, reject) => {
      child.once('error', (error) =>
        reject(new Error(`${host}: ${command.join(' ')}: ${error.message}`)),
      )
      child.once('exit', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
      })
    })
    // Whoever does not wait for the end need not hear of it.
    this.exit.catch(() => undefined)
  }

  static start(
    host: { readonly name: string; readonly outerPid: number; readonly stateDir: string },
    command: readonly string[],
    { log, ...enter }: EnterOptions & { log?: string },
  ): HostProcess {
    const logFile = `${host.stateDir}/${log ?? `${basename(command[0] ?? 'command')}.log`}`
    const output = openSync(logFile, 'a')
    const [program, ...args] = enterFromOutside(host, command, enter)
    const child = spawn(program, args, { stdio: ['ignore', output, output] })
    closeSync(output)
    return new HostProcess(host.name, command, child, logFile)
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Everything that the command has written so far; empty if its output is not logged. */
  async output(): Promise<string> {
    return this.#logFile === undefined ? '' : readFile(this.#logFile, 'utf8')
  }

  /** Sends a signal to the command itself; false if it has ended. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    const pid = commandPid(this.#child)
    if (pid === undefined || !this.isRunning) return false
    try {
      return process.kill(pid, signal)
    } catch {
      return false
    }
  }

  /** Sends SIGTERM, then SIGKILL after the grace time; resolves with the exit code. */
  async stop(graceMs = 5000): Promise<number> {
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs)
    const code = await this.exit
    clearTimeout(timer)
    return code
  }

  toString(): string {
    return `${this.#host}: ${this.#command.join(' ')}`
  }
}

/**
 * nsenter forks to enter a pid namespace, and does not pass signals on: the command is its only child. Before it has
 * forked, the signal is nsenter's own.
 */
export function commandPid(nsenter: ChildProcess): number | undefined {
  const { pid } = nsenter
  if (pid === undefined) return undefined
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? pid : Number(children.split(' ')[0])
  } catch {
    return undefined
  }
}
