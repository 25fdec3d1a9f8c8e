// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import type { PageLink } from '../api/agent-api.ts'
import { type CommandContext, note, print } from './context.ts'

/** `meshgate dashboard`: the link alone on stdout, so that `xdg-open $(meshgate dashboard)` works. */
export async function dashboard(context: CommandContext): Promise<number> {
  const link = await new ApiClient(context.runDir).post<PageLink>('/v1/dashboard')
  print(context, link, link.url)
  note(context, `open it in a browser on this host; it works once, within ${link.validS} s`)
  return 0
}
