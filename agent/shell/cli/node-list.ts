// SPDX-License-Identifier: Apache-2.0
import { type CommandContext, print } from './context.ts'
import { withDesk } from './desk.ts'
import { table } from './table.ts'

/** `meshgate node list`: members, hosts that wait for a person, and who was revoked. */
export async function listNodes(context: CommandContext): Promise<number> {
  const document = await withDesk(context, (desk) => desk.nodes())
  const rows = document.map((one) => [
    one.name,
    one.node.slice(0, 8),
    one.state,
    one.addresses[0] ?? '',
    one.notAfter?.slice(0, 16).replace('T', ' ') ?? '',
    [...one.tags, ...one.prefixes].join(' '),
  ])
  const head = ['name', 'id', 'state', 'address', 'valid until (UTC)', 'tags, routes']
  print(context, document, table(head, rows))
  return 0
}

/** `meshgate node show` */
export async function showNode(
  context: CommandContext,
  _options: object,
  name: string,
): Promise<number> {
  const document = await withDesk(context, (desk) => desk.node(name))
  const text = Object.entries(document).map(([key, value]) => `${key.padEnd(12)} ${textOf(value)}`)
  print(context, document, text.join('\n'))
  return 0
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(', ')
  return value === null ? '-' : JSON.stringify(value).replaceAll('"', '')
}
