// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path'

export interface GlobalOptions {
  readonly json?: boolean
  readonly stateDir: string
  readonly runDir: string
  readonly config: string
}

/** What every command is given. Paths are absolute. */
export interface CommandContext {
  readonly json: boolean
  readonly stateDir: string
  readonly runDir: string
  readonly configPath: string
  /** The operator named the file, so it must be there. */
  readonly configIsExplicit: boolean
}

export function commandContext(options: GlobalOptions, configIsExplicit: boolean): CommandContext {
  return {
    json: options.json ?? false,
    stateDir: resolve(options.stateDir),
    runDir: resolve(options.runDir),
    configPath: resolve(options.config),
    configIsExplicit,
  }
}

/** The result of a command: JSON if it was asked for, else text for a person. */
export function print(context: CommandContext, document: unknown, text: string): void {
  process.stdout.write(context.json ? `${JSON.stringify(document, null, 2)}\n` : `${text}\n`)
}

/** A fact beside the result, which a script that reads stdout does not want. */
export function note(context: CommandContext, text: string): void {
  if (!context.json) process.stderr.write(`${text}\n`)
}
