// SPDX-License-Identifier: Apache-2.0
import { type CommandContext, print } from './context.ts'
import { withDesk } from './desk.ts'
import { table } from './table.ts'

/** `meshgate token list` */
export async function listTokens(context: CommandContext): Promise<number> {
  const tokens = await withDesk(context, (desk) => desk.tokens())
  const rows = tokens.map((token) => [
    token.id.slice(0, 8),
    token.state,
    `${token.used} of ${token.uses}`,
    token.expires.slice(0, 16).replace('T', ' '),
    token.namePattern ?? 'any',
    [...token.tags, ...token.prefixes].join(' '),
  ])
  const head = ['id', 'state', 'used', 'expires (UTC)', 'names', 'tags, routes']
  const text = tokens.length === 0 ? 'no tokens' : table(head, rows)
  print(context, tokens, text)
  return 0
}

/** `meshgate token revoke` */
export async function revokeToken(
  context: CommandContext,
  _options: object,
  beginning: string,
): Promise<number> {
  const token = await withDesk(context, (desk) => desk.revokeToken(beginning))
  const text = `token ${token.id.slice(0, 8)} revoked; ${token.used} of ${token.uses} hosts have joined with it and stay members`
  print(context, token, text)
  return 0
}
