// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { enterFromOutside } from '../enter-node.ts'
import { commandPid } from '../host-process.ts'
import { findLab, nodeOf } from '../lab-registry.ts'
import { nameOption } from './name-option.ts'

export function execCommand(): Command {
  return new Command('exec')
    .argument('<host>', 'host, NAT, or "internet"')
    .argument('[command...]', 'after "--"; default: a shell')
    .description('run a command in a host, with its input, output, exit code and signals')
    .addOption(nameOption())
    .passThroughOptions()
    .action(async (host: string, command: string[], { name }: { name?: string }) => {
      becomeRoot()
      const given = command[0] === '--' ? command.slice(1) : command
      const words = given.length > 0 ? given : [process.env['SHELL'] ?? '/bin/sh']
      process.exitCode = await execInLab(name, host, words)
    })
}

/** Runs a command in a host as if it had been started here; resolves with its exit code. */
export async function execInLab(
  lab: string | undefined,
  host: string,
  command: readonly string[],
): Promise<number> {
  const node = nodeOf(await findLab(lab), host)
  // Should this process be killed outright, nsenter dies of it, and the command of that.
  const die = ['setpriv', '--pdeathsig', 'KILL', '--']
  const [program, ...args] = [...die, ...enterFromOutside(node, [...die, ...command])]
  const child = spawn(program ?? '', args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => {
      // A terminal has sent these to the command itself already.
      if (process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')) return
      const pid = commandPid(child)
      if (pid !== undefined) process.kill(pid, signal)
    })
  }
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']),
    )
  })
}
