// SPDX-License-Identifier: Apache-2.0
import { type Config, type ConfigProblem, loadConfig } from '../state/config.ts'
import { Failure } from '../failure.ts'
import type { CommandContext } from './context.ts'

/** The configuration, or a Failure that names everything that is wrong with it. */
export function readConfig(context: CommandContext): Config {
  const loaded = loadConfig({ path: context.configPath, explicit: context.configIsExplicit })
  if (loaded.ok) return loaded.value
  const list = loaded.problems.map((problem) => `  ${lineOf(problem)}`).join('\n')
  throw new Failure('bad-config', `${context.configPath} cannot be used:\n${list}`, {
    remedy: 'nothing was touched; correct the file and try again',
    exitCode: 2,
  })
}

function lineOf({ field, value, problem, remedy }: ConfigProblem): string {
  const shown = value === null || value === undefined ? '' : ` ${JSON.stringify(value)}`
  return `${field === '' ? 'the file' : field}${shown} ${problem}: ${remedy}`
}
