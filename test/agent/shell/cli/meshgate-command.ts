// SPDX-License-Identifier: Apache-2.0
/** Runs the command line from its sources, as a person would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../../../agent/shell/main.ts')

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** One pretended host: its own directories, and the agents that run on it. */
export class PretendedHost {
  readonly directory = mkdtempSync(join(tmpdir(), 'meshgate-'))
  readonly #running: ChildProcess[] = []

  get stateDir(): string {
    return join(this.directory, 'state')
  }

  get configPath(): string {
    return join(this.directory, 'config.toml')
  }

  async meshgate(args: readonly string[], input = ''): Promise<Outcome> {
    const child = this.#spawn(args)
    child.stdin!.end(input)
    let [out, err] = ['', '']
    child.stdout!.on('data', (chunk) => (out += String(chunk)))
    child.stderr!.on('data', (chunk) => (err += String(chunk)))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, out, err }
  }

  /** Starts `meshgate run` without a helper; resolves once it says that it runs. */
  async run(): Promise<void> {
    const child = this.#spawn(['run', '--no-helper'])
    this.#running.push(child)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (chunk) => {
        said += String(chunk)
        if (said.includes('agent runs')) resolve()
      })
      child.stderr!.on('data', (chunk) => (said += String(chunk)))
      child.once('close', () => reject(new Error(`the agent ended: ${said}`)))
    })
  }

  async close(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null) continue
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('close', resolve))
    }
    rmSync(this.directory, { recursive: true, force: true })
  }

  #spawn(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
      env: {
        PATH: process.env['PATH'],
        MESHGATE_STATE_DIR: this.stateDir,
        MESHGATE_RUN_DIR: join(this.directory, 'run'),
        MESHGATE_CONFIG: this.configPath,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }
}
