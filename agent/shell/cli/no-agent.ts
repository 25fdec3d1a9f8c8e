// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../failure.ts'
import type { CommandContext } from './context.ts'
import { BECOME_A_MEMBER } from './membership.ts'
import { hasServices } from './services.ts'

/** A command that found no agent, with what this host lacks; any other error as it is. */
export function whyNoAgent(error: unknown, context: CommandContext): unknown {
  if (!(error instanceof Failure) || error.code !== 'no-agent') return error
  const remedy = remedyOn(context) ?? error.remedy
  return new Failure(error.code, error.message, { remedy, cause: error })
}

function remedyOn(context: CommandContext): string | undefined {
  // systemd would pass over the unit without a word.
  if (isSurelyNoMember(context.stateDir))
    return `this host is not a member of a network: ${BECOME_A_MEMBER}`
  if (hasServices(context))
    return 'start it with `sudo systemctl start meshgate`; `meshgate doctor` says what is in its way'
  return undefined
}

/** Others than the agent's user cannot look into the directory, and know nothing. */
function isSurelyNoMember(stateDir: string): boolean {
  if (!existsSync(stateDir)) return true
  try {
    accessSync(stateDir, constants.R_OK | constants.X_OK)
  } catch {
    return false
  }
  return !existsSync(join(stateDir, 'membership.json'))
}
