// SPDX-License-Identifier: Apache-2.0

export interface EnterOptions {
  /** Working directory inside; default: the caller's, which the node sees too unless it is under /run. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * The full command line that runs a command in a node from outside the lab. It enters the lab's pid namespace too, so
 * that the command dies with the lab and sees its own /proc. nsenter itself stays outside as the command's parent, and
 * ends with its exit code or signal.
 */
export function enterFromOutside(
  node: { readonly outerPid: number; readonly stateDir: string },
  command: readonly string[],
  { cwd = process.cwd(), env = {} }: EnterOptions = {},
): [string, ...string[]] {
  const inside = /^\/run(\/|$)/.test(cwd) && !cwd.startsWith(node.stateDir) ? '/' : cwd
  const namespaces = ['--target', String(node.outerPid), '--pid', '--net', '--mount', '--uts']
  const variables = Object.entries({ LAB_STATE_DIR: node.stateDir, ...env })
  const setting = variables.map(([name, value]) => `${name}=${value}`)
  return ['nsenter', ...namespaces, '--', 'env', '-C', inside, ...setting, ...command]
}
