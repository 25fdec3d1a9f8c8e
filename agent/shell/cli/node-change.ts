// SPDX-License-Identifier: Apache-2.0
/** What a person decides about members: who is out, who is in, and what a member may do. */
import { PREFIXES_MAX, TAGS_MAX } from '../../../topology/certificate.ts'
import { isHostName } from '../../../topology/host-name.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import type { Decision, RevokedNode } from '../authority/admin-desk.ts'
import type { MemberEdit } from '../authority/change-member.ts'
import { announcedText } from './announce.ts'
import { type CommandContext, print } from './context.ts'
import { withDesk } from './desk.ts'
import { usage } from './option-values.ts'

interface EditOptions {
  readonly name?: string
  readonly tag?: readonly string[]
  readonly route?: readonly string[]
  readonly clearTags?: boolean
  readonly clearRoutes?: boolean
  readonly hub?: boolean
}

/** `meshgate node revoke` */
export async function revokeNode(
  context: CommandContext,
  _options: object,
  name: string,
): Promise<number> {
  return printRevoked(context, await withDesk(context, (desk) => desk.revokeNode(name)))
}

/** `meshgate node remove` */
export async function removeNode(
  context: CommandContext,
  _options: object,
  name: string,
): Promise<number> {
  return printRevoked(context, await withDesk(context, (desk) => desk.removeNode(name)))
}

/** `meshgate node edit` */
export async function editNode(
  context: CommandContext,
  options: EditOptions,
  name: string,
): Promise<number> {
  const wanted = editOf(options)
  const changed = await withDesk(context, (desk) => desk.editNode(name, wanted))
  const text = `${changed.name} has a new certificate; ${announcedText(changed.announced)}`
  print(context, changed, text)
  return 0
}

/** `meshgate node approve` and `meshgate node refuse` */
export function decideOn(state: Decision) {
  return async (context: CommandContext, _options: object, name: string): Promise<number> => {
    const decided = await withDesk(context, (desk) => desk.decide(name, state))
    const text =
      state === 'approved'
        ? `${decided.name} is let in as soon as it asks again`
        : `${decided.name} is not let in`
    print(context, decided, text)
    return 0
  }
}

function printRevoked(context: CommandContext, revoked: RevokedNode): number {
  const { name, announced, openToken } = revoked
  const hint =
    openToken === null
      ? ''
      : `\nits token can still be used ${openToken.usesLeft} times: \`meshgate token revoke ${openToken.id.slice(0, 8)}\``
  print(context, revoked, `${name} is out; ${announcedText(announced)}${hint}`)
  return 0
}

function editOf(options: EditOptions): MemberEdit {
  const { name, hub } = options
  const tags = options.clearTags === true ? [] : options.tag
  const prefixes = options.clearRoutes === true ? [] : options.route?.map(prefixOf)
  if (name !== undefined && !isHostName(name))
    throw usage(`--name ${name} is not a host name`, 'use 1 to 63 of a-z, 0-9 and inner hyphens')
  if (tags?.every(isHostName) === false)
    throw usage('a --tag is not a tag', 'use 1 to 63 of a-z, 0-9 and inner hyphens')
  if ((tags?.length ?? 0) > TAGS_MAX || (prefixes?.length ?? 0) > PREFIXES_MAX)
    throw usage(
      'too many tags or routes',
      `give at most ${TAGS_MAX} tags and ${PREFIXES_MAX} routes`,
    )
  if ([name, tags, prefixes, hub].every((wish) => wish === undefined))
    throw usage('nothing to change', 'give --name, --tag, --route, --hub or --no-hub')
  return { name, tags, prefixes, hub }
}

function prefixOf(text: string): string {
  const prefix = parsePrefix(text)
  if (prefix.ok) return prefix.value.text
  throw usage(`--route ${text} is not a prefix`, 'write 192.168.1.0/24')
}
