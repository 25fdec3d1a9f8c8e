// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'

/** `meshgate plan`: the document itself; its reasons are sentences in it. */
export async function plan(context: CommandContext): Promise<number> {
  const answer = await new ApiClient(context.runDir).get<unknown>('/v1/plan')
  print(context, answer, JSON.stringify(answer, null, 2))
  return 0
}
