// SPDX-License-Identifier: Apache-2.0
/** What a person decides about members: who is out, who is in, and what a member may do. */
import { PREFIXES_MAX, TAGS_MAX } from '../../../topology/certificate.ts'
import { isHostName } from '../../../topology/host-name.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import { ApiClient } from '../api/api-client.ts'
import {
  type ChangeFault,
  type ChangePowers,
  editNode as edit,
  type MemberEdit,
  revokeNode as revoke,
} from '../authority/change-member.ts'
import type { StoredRevocation } from '../authority/authority-store.ts'
import { readClock } from '../clock.ts'
import type { Status } from '../../core/status.ts'
import { Failure } from '../failure.ts'
import { announce, announcedText } from './announce.ts'
import { type AuthorityAccess, withAuthority } from './authority-access.ts'
import { type CommandContext, print } from './context.ts'
import { candidateMatching, nodeMatching } from './node-choice.ts'
import { describeNode } from './node-list.ts'
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
  return withAuthority(context, async (access) => shutOut(context, access, name))
}

/** `meshgate node remove`: a member that is gone; one that is here is not taken for it by mistake. */
export async function removeNode(
  context: CommandContext,
  _options: object,
  name: string,
): Promise<number> {
  return withAuthority(context, async (access) => {
    const { certificate } = await access.store.transact((ledger) => nodeMatching(ledger, name))
    if (await isAlive(context, certificate.node))
      throw new Failure('is-alive', `${certificate.name} is here`, {
        remedy: `run \`meshgate leave\` there first, or shut it out with \`meshgate node revoke ${certificate.name}\``,
      })
    return shutOut(context, access, name)
  })
}

/** `meshgate node edit` */
export async function editNode(
  context: CommandContext,
  options: EditOptions,
  name: string,
): Promise<number> {
  const wanted = editOf(options)
  return withAuthority(context, async (access) => {
    const changed = await access.store.transact((ledger) => {
      const { certificate } = nodeMatching(ledger, name)
      return edit(ledger, certificate.node, wanted, powersOf(access))
    })
    if (!changed.ok) throw failureOf(changed.error, options.name ?? name)
    const told = await announce(context, 'certificate', changed.value.certificateBytes)
    const text = `${changed.value.certificate.name} has a new certificate; ${announcedText(told)}`
    print(context, { ...describeNode(changed.value), announced: told }, text)
    return 0
  })
}

/** `meshgate node approve` and `meshgate node refuse` */
export function decideOn(state: 'approved' | 'refused') {
  return async (context: CommandContext, _options: object, name: string): Promise<number> =>
    withAuthority(context, async ({ store }) => {
      const candidate = await store.transact((ledger) => {
        const found = candidateMatching(ledger, name)
        ledger.putCandidate({ ...found, state })
        return found
      })
      const text =
        state === 'approved'
          ? `${candidate.name} is let in as soon as it asks again`
          : `${candidate.name} is not let in`
      print(context, { name: candidate.name, node: candidate.node, state }, text)
      return 0
    })
}

async function shutOut(
  context: CommandContext,
  access: AuthorityAccess,
  name: string,
): Promise<number> {
  const { revoked, token } = await access.store.transact((ledger) => {
    const { certificate, token: id } = nodeMatching(ledger, name)
    const came = id === null ? undefined : ledger.token(id)
    return { revoked: revoke(ledger, certificate.node, powersOf(access)), token: came }
  })
  if (!revoked.ok) throw failureOf(revoked.error, name)
  const told = await announce(context, 'revocation', revoked.value.envelope)
  const left = token === undefined || token.revoked ? 0 : token.grant.uses - token.used
  const hint =
    left > 0 && token !== undefined
      ? `\nits token can still be used ${left} times: \`meshgate token revoke ${token.grant.id.slice(0, 8)}\``
      : ''
  print(
    context,
    documentOf(revoked.value, told),
    `${revoked.value.name} is out; ${announcedText(told)}${hint}`,
  )
  return 0
}

function documentOf({ name, node, notAfter }: StoredRevocation, announced: boolean) {
  return { name, node, notAfter: new Date(notAfter).toISOString(), announced }
}

function powersOf({ membership, signer }: AuthorityAccess): ChangePowers {
  return { network: membership.network, authority: signer, now: readClock().wall }
}

async function isAlive({ runDir }: CommandContext, node: string): Promise<boolean> {
  try {
    const { peers } = await new ApiClient(runDir).get<Status>('/v1/status')
    return peers.some((peer) => peer.nodeId === node && peer.liveness === 'alive')
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return false
    throw error
  }
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

function failureOf(fault: ChangeFault, name: string): Failure {
  switch (fault) {
    case 'no-such-node':
      return new Failure(fault, `no member is called ${name}`, {
        remedy: '`meshgate node list` shows them',
      })
    case 'name-taken':
      return new Failure(fault, `another member is called ${name}`, {
        remedy: 'choose another name',
      })
    case 'holds-the-authority':
      return new Failure(fault, `${name} holds the network's own key`, {
        remedy: 'an authority cannot shut itself out: hand the key to another host first',
      })
  }
}
