// SPDX-License-Identifier: Apache-2.0
import type { StoredToken } from '../authority/authority-store.ts'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { withAuthority } from './authority-access.ts'
import { type CommandContext, print } from './context.ts'
import { table } from './table.ts'

/** `meshgate token list` */
export async function listTokens(context: CommandContext): Promise<number> {
  return withAuthority(context, async ({ store }) => {
    const all = await store.transact((ledger) => ledger.tokens())
    const tokens = all.map((token) => describe(token))
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
  })
}

/** `meshgate token revoke` */
export async function revokeToken(
  context: CommandContext,
  _options: object,
  beginning: string,
): Promise<number> {
  return withAuthority(context, async ({ store }) => {
    const found = await store.transact((ledger) => {
      const matching = ledger.tokens().filter(({ grant }) => grant.id.startsWith(beginning))
      if (matching.length === 1) ledger.putToken({ ...matching[0]!, revoked: true })
      return matching
    })
    const [token] = found
    if (token === undefined || found.length > 1)
      throw new Failure(
        token === undefined ? 'no-such-token' : 'ambiguous-token',
        token === undefined
          ? `no token's id begins with ${beginning}`
          : `${found.length} tokens begin with ${beginning}`,
        { remedy: '`meshgate token list` shows them' },
      )
    const text = `token ${token.grant.id.slice(0, 8)} revoked; ${token.used} of ${token.grant.uses} hosts have joined with it and stay members`
    print(context, { id: token.grant.id, revoked: true, used: token.used }, text)
    return 0
  })
}

function describe({ grant, used, revoked, createdAt }: StoredToken) {
  const isExpired = readClock().wall >= grant.notAfter
  const state = revoked
    ? 'revoked'
    : used >= grant.uses
      ? 'used up'
      : isExpired
        ? 'expired'
        : 'valid'
  return {
    id: grant.id,
    state,
    used,
    uses: grant.uses,
    created: new Date(createdAt).toISOString(),
    expires: new Date(grant.notAfter).toISOString(),
    namePattern: grant.namePattern,
    tags: grant.tags,
    prefixes: grant.prefixes,
    awayMs: grant.awayMs,
    hub: grant.hub,
  }
}
