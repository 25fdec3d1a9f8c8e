// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { readConfig } from './configuration.ts'
import { type CommandContext, print } from './context.ts'

/** `meshgate config check`: 0 if the file can be used, 2 if it cannot; what is wrong is on stderr. */
export async function checkConfig(context: CommandContext): Promise<number> {
  const config = readConfig(context)
  const text = existsSync(context.configPath)
    ? `${context.configPath} is right`
    : `${context.configPath} is not there: every key has its default`
  print(context, { path: context.configPath, config }, text)
  return 0
}
