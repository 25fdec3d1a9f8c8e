// SPDX-License-Identifier: Apache-2.0
import { isHostName, isNamePattern } from '../../../topology/host-name.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import { AWAY_MS_MAX, AWAY_MS_MIN, USES_MAX } from '../../../topology/grant.ts'
import { type CommandContext, note } from './context.ts'
import { withDesk } from './desk.ts'
import { parseCount, parseDuration, usage } from './option-values.ts'

const AWAY_MS_DEFAULT = 86_400_000

interface TokenCreateOptions {
  readonly uses: string
  readonly expires: string
  readonly namePattern?: string
  readonly tag: readonly string[]
  readonly route: readonly string[]
  /** True: without a duration. */
  readonly ephemeral?: string | true
  /** False with --no-hub. */
  readonly hub: boolean
  readonly bootstrap: readonly string[]
}

/** `meshgate token create`: the token alone on stdout, so that a script can take it from there. */
export async function createToken(
  context: CommandContext,
  options: TokenCreateOptions,
): Promise<number> {
  const uses = parseCount('--uses', options.uses, 1, USES_MAX)
  const lifetimeMs = parseDuration('--expires', options.expires)
  const wish = {
    uses,
    lifetimeMs,
    namePattern: namePatternOf(options.namePattern),
    tags: options.tag.map(tagOf),
    prefixes: options.route.map(prefixOf),
    awayMs: awayMsOf(options.ephemeral),
    hub: options.hub,
    bootstrap: options.bootstrap,
  }
  const created = await withDesk(context, (desk) => desk.createToken(wish))
  const { token, id, expires, bootstrap } = created
  process.stdout.write(`${context.json ? JSON.stringify(created) : token}\n`)
  note(
    context,
    `token ${id.slice(0, 8)}: ${uses === 1 ? 'one host' : `${uses} hosts`} until ${expires}`,
  )
  note(context, `hosts will knock at ${bootstrap.join(', ')}`)
  note(context, 'on the other host: meshgate join TOKEN')
  return 0
}

function namePatternOf(text: string | undefined): string | null {
  if (text === undefined) return null
  if (isNamePattern(text)) return text
  throw usage(`--name-pattern ${text} is not a pattern`, 'use a-z, 0-9, hyphens and *: web-*')
}

function awayMsOf(text: string | true | undefined): number | null {
  if (text === undefined) return null
  if (text === true) return AWAY_MS_DEFAULT
  const awayMs = parseDuration('--ephemeral', text)
  if (awayMs >= AWAY_MS_MIN && awayMs <= AWAY_MS_MAX) return awayMs
  throw usage(`--ephemeral ${text} is out of range`, 'give 1m to 15d')
}

function tagOf(text: string): string {
  if (isHostName(text)) return text
  throw usage(`--tag ${text} is not a tag`, 'use 1 to 63 of a-z, 0-9 and inner hyphens')
}

function prefixOf(text: string): string {
  const prefix = parsePrefix(text)
  if (prefix.ok) return prefix.value.text
  throw usage(`--route ${text} is not a prefix`, 'write 192.168.1.0/24')
}
