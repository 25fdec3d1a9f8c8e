// SPDX-License-Identifier: Apache-2.0
import type { AuthorityLedger, Candidate, StoredNode } from '../authority/authority-store.ts'
import { readClock } from '../clock.ts'
import { withAuthority } from './authority-access.ts'
import { type CommandContext, print } from './context.ts'
import { nodeMatching } from './node-choice.ts'
import { table } from './table.ts'

/** `meshgate node list`: members, hosts that wait for a person, and who was revoked. */
export async function listNodes(context: CommandContext): Promise<number> {
  return withAuthority(context, async ({ store }) => {
    const document = await store.transact((ledger) => everybody(ledger))
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
  })
}

/** `meshgate node show` */
export async function showNode(
  context: CommandContext,
  _options: object,
  name: string,
): Promise<number> {
  return withAuthority(context, async ({ store }) => {
    const node = await store.transact((ledger) => nodeMatching(ledger, name))
    const document = describeNode(node)
    const text = Object.entries(document).map(
      ([key, value]) => `${key.padEnd(12)} ${textOf(value)}`,
    )
    print(context, document, text.join('\n'))
    return 0
  })
}

function everybody(ledger: AuthorityLedger) {
  const revoked = ledger.revocations().map(({ node, name, notAfter }) => ({
    name,
    node,
    state: 'revoked',
    addresses: [],
    tags: [],
    prefixes: [],
    notAfter: new Date(notAfter).toISOString(),
  }))
  return [
    ...ledger.nodes().map(describeNode),
    ...ledger.candidates().map(describeCandidate),
    ...revoked,
  ]
}

export function describeNode({ certificate, token, awayMs }: StoredNode) {
  const isExpired = readClock().wall >= certificate.notAfter
  return {
    name: certificate.name,
    node: certificate.node as string,
    state: isExpired ? 'expired' : 'member',
    addresses: [certificate.ipv4, certificate.ipv6],
    tags: certificate.tags,
    prefixes: certificate.prefixes,
    hub: certificate.hub,
    authority: certificate.authority,
    awayMs,
    token,
    serial: certificate.serial,
    notBefore: new Date(certificate.notBefore).toISOString(),
    notAfter: new Date(certificate.notAfter).toISOString(),
  }
}

function describeCandidate({ node, name, state }: Candidate) {
  return {
    name,
    node: node as string,
    state: state === 'refused' ? 'not approved' : state,
    addresses: [],
    tags: [],
    prefixes: [],
    notAfter: null,
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(', ')
  return value === null ? '-' : JSON.stringify(value).replaceAll('"', '')
}
