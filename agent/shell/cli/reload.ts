// SPDX-License-Identifier: Apache-2.0
import type { Reloaded } from '../api/agent-api.ts'
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'

/** `meshgate reload` */
export async function reload(context: CommandContext): Promise<number> {
  const answer = await new ApiClient(context.runDir).post<Reloaded>('/v1/reload')
  print(context, answer, reloadText(answer))
  return 0
}

function reloadText({ changed, restart }: Reloaded): string {
  if (changed.length === 0) return 'nothing changed'
  const live = changed.filter((key) => !restart.includes(key))
  const lines = live.length === 0 ? [] : [`in force: ${live.join(', ')}`]
  if (restart.length > 0) lines.push(`from the next start of the agent: ${restart.join(', ')}`)
  return lines.join('\n')
}
