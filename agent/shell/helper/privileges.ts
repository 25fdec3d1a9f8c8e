// SPDX-License-Identifier: Apache-2.0
/**
 * The agent needs no privilege: the helper has the few that it takes. Started as root, the agent
 * replaces itself with a process that has no capability and can never gain one.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const DROP_ALL = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs']

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Whether this process holds any capability (CapEff in /proc/self/status). */
export function hasCapabilities(): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))
  return match?.[1] !== undefined && BigInt(`0x${match[1]}`) !== 0n
}

/**
 * Runs this program again, in this very process, with other arguments and nothing that root may do.
 * The uid stays: files that root owns are still its own. `before`: a program to go through on the way, and its
 * arguments. Returns only if it cannot be done, with why.
 */
export function continueWithoutCapabilities(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  before: readonly string[] = [],
): string {
  const setpriv = findProgram('setpriv')
  if (setpriv === undefined) return 'setpriv (util-linux) is not installed'
  // After execve there is no way back, so let it show first that it may.
  const trial = spawnSync(setpriv, [...DROP_ALL, '/bin/true'], { encoding: 'utf8' })
  if (trial.status !== 0) return trial.stderr.trim() || 'setpriv failed'
  const script = process.argv[1] ?? ''
  const program = [process.execPath, ...process.execArgv, script, ...args]
  const execve = process.execve?.bind(process)
  if (execve === undefined) return 'this Node has no process.execve'
  const command = [...before, setpriv, ...DROP_ALL, ...program]
  execve(command[0]!, command, environment)
  return 'execve returned'
}

function findProgram(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin']
  return directories.map((directory) => join(directory, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
