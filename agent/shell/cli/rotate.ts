// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'

/** `meshgate rotate` */
export async function rotate(context: CommandContext): Promise<number> {
  const client = new ApiClient(context.runDir)
  const rotated = await client.post<{ nodeId: string; serial: number }>('/v1/rotate')
  print(
    context,
    { nodeId: rotated.nodeId, serial: rotated.serial },
    `this host goes on with new keys as ${rotated.nodeId.slice(0, 8)}; names and addresses stay`,
  )
  return 0
}
