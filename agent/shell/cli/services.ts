// SPDX-License-Identifier: Apache-2.0
/** The package's two systemd units, for the commands that begin and end a membership. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { isRoot } from '../helper/privileges.ts'
import type { CommandContext } from './context.ts'
import { asRoot } from './state-owner.ts'

const UNITS = ['meshgate-helper.service', 'meshgate.service'] as const

const UNIT_DIRECTORIES = ['/etc/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system']

/** Whether this command is about the packaged agent, on a host that systemd runs. */
export function hasServices({ stateDir, runDir }: CommandContext): boolean {
  const isPackaged = stateDir === '/var/lib/meshgate' && runDir === '/run/meshgate'
  return isPackaged && existsSync('/run/systemd/system') && UNITS.every(isInstalled)
}

/** Now and at each boot. Throws Failure with what systemd said. */
export function startServices(): void {
  systemctl(['enable', '--now', ...UNITS])
}

/** Now and at each boot. */
export function stopServices(): void {
  systemctl(['disable', '--now', 'meshgate.service', 'meshgate-helper.service'])
}

/** Until they are started again, or the host is. */
export function stopServicesForNow(which: 'agent' | 'all'): void {
  systemctl(['stop', 'meshgate.service', ...(which === 'all' ? ['meshgate-helper.service'] : [])])
}

/** What a person must type instead, if this one may not. */
export function startCommand(context: CommandContext): string {
  return hasServices(context)
    ? `sudo systemctl enable --now ${UNITS.join(' ')}`
    : 'sudo meshgate run'
}

export function mayStartServices(context: CommandContext): boolean {
  return isRoot() && hasServices(context)
}

function systemctl(args: readonly string[]): void {
  const { status, stderr, error } = asRoot(() =>
    spawnSync('systemctl', [...args], { encoding: 'utf8' }),
  )
  if (status === 0) return
  const said = error?.message ?? stderr.trim().split('\n').at(-1) ?? ''
  throw new Failure('service-failed', `systemctl ${args.join(' ')}: ${said}`, {
    remedy: `see why: journalctl -u ${UNITS.join(' -u ')}`,
  })
}

function isInstalled(unit: string): boolean {
  return UNIT_DIRECTORIES.some((directory) => existsSync(`${directory}/${unit}`))
}
