// SPDX-License-Identifier: Apache-2.0
/** A lab host that runs a whole Debian with systemd, as a fresh machine does. */
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import type { ExecResult, LabHost } from './lab-host.ts'

const BOOT_ROOT = join(import.meta.dirname, 'boot-root')
const ENVIRONMENT = [
  'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LC_ALL=C.UTF-8',
  'DEBIAN_FRONTEND=noninteractive',
]

export class BootedHost {
  readonly host: LabHost
  readonly #directory: string
  #pid = ''

  /**
   * `base`: a root made by scripts/fetch-root. `loans`: folders of this machine by where the root sees them, to be
   * read only. Waits until systemd has started everything.
   */
  static async boot(
    host: LabHost,
    base: string,
    loans: Readonly<Record<string, string>> = {},
  ): Promise<BootedHost> {
    const booted = new BootedHost(host)
    await booted.#boot(base, loans)
    return booted
  }

  private constructor(host: LabHost) {
    this.host = host
    this.#directory = `${host.stateDir}/booted`
  }

  async #boot(base: string, loans: Readonly<Record<string, string>>): Promise<void> {
    const lent = Object.entries(loans).map(([target, source]) => `${source}:${target}`)
    const boot = [BOOT_ROOT, base, this.#directory, this.host.name, ...lent]
    const process = this.host.spawn(boot, { log: 'boot.log' })
    await this.host.waitFor(
      async () => {
        if (!process.isRunning) throw new Error(await process.output())
        this.#pid = (await readFile(`${this.#directory}/pid`, 'utf8')).trim()
        const state = (await this.try('systemctl is-system-running')).stdout.trim()
        if (state === 'running' || state === 'degraded') return true
        throw new Error(`systemd is ${state}`)
      },
      { deadlineMs: 60_000, what: 'systemd has started', pollMs: 250 },
    )
  }

  /** Runs a line of shell in the booted system, whatever its exit code. */
  try(script: string, deadlineMs = 120_000): Promise<ExecResult> {
    return this.host.exec(this.#enter(script), { deadlineMs })
  }

  /** Runs a line of shell that must succeed; returns what it printed. */
  run(script: string): Promise<string> {
    return this.host.run(this.#enter(script))
  }

  /** A program that goes on. */
  spawn(script: string, log: string): ReturnType<LabHost['spawn']> {
    return this.host.spawn(this.#enter(script), { log })
  }

  /** Copies a file into the system. */
  async give(path: string, directory = '/root'): Promise<void> {
    await this.host.run(['cp', path, `/proc/${this.#pid}/root${directory}/`])
  }

  #enter(script: string): string[] {
    const enter = ['nsenter', '--target', this.#pid, '--all', '--root', '--wd']
    return [...enter, 'env', '-i', ...ENVIRONMENT, 'bash', '-c', script]
  }
}
