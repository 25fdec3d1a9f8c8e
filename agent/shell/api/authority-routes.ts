// SPDX-License-Identifier: Apache-2.0
/** What can be asked of an agent whose host holds the network's key: tokens and members. */
import { z } from 'zod'
import { PREFIXES_MAX, TAGS_MAX } from '../../../topology/certificate.ts'
import { USES_MAX } from '../../../topology/grant.ts'
import { isHostName, isNamePattern } from '../../../topology/host-name.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import {
  createdTokenSchema,
  decidedNodeSchema,
  editedNodeSchema,
  memberSchema,
  nodesSchema,
  revokedNodeSchema,
  revokedTokenSchema,
  tokensSchema,
} from './answers/admin-schema.ts'
import { type Route, route } from './route.ts'

const BOOTSTRAP_MAX = 16

const get = { method: 'GET', page: true, answer: 'json' } as const
const post = { method: 'POST', page: true, answer: 'json' } as const

const hostName = z
  .string()
  .max(63)
  .refine(isHostName, 'is not 1 to 63 of a-z, 0-9 and inner hyphens')
const tags = z.array(hostName).max(TAGS_MAX)
const prefix = z
  .string()
  .max(64)
  .transform((text, context) => {
    const parsed = parsePrefix(text)
    if (parsed.ok) return parsed.value.text
    context.addIssue({ code: 'custom', message: 'is no prefix such as 192.168.1.0/24' })
    return z.NEVER
  })
const prefixes = z.array(prefix).max(PREFIXES_MAX)
const node = z.string().min(1).max(255).describe('a name, or at least 8 letters of a node id')
const durationMs = z.int().min(1)

export const AUTHORITY_ROUTES: readonly Route[] = [
  route(
    {
      ...get,
      path: '/v1/tokens',
      summary: 'The tokens of the network.',
      answers: 'A list, as `meshgate token list --json` prints it.',
      schema: tokensSchema,
    },
    {},
    ({ api }) => api.desk().tokens(),
  ),
  route(
    {
      ...post,
      path: '/v1/tokens',
      summary: 'Makes a token with which hosts can join.',
      answers: 'As `meshgate token create --json` prints it.',
      schema: createdTokenSchema,
    },
    {
      uses: z.int().min(1).max(USES_MAX).default(1),
      lifetimeMs: durationMs.default(3_600_000),
      namePattern: z
        .string()
        .max(63)
        .refine(isNamePattern, 'is no pattern of a-z, 0-9, hyphens and *')
        .nullable()
        .default(null),
      tags: tags.default([]),
      prefixes: prefixes.default([]),
      awayMs: durationMs
        .nullable()
        .default(null)
        .describe('how long a host may be gone before it is forgotten; null: it is kept'),
      hub: z.boolean().default(true).describe('the hosts may forward for others'),
      bootstrap: z
        .array(z.string().max(255))
        .max(BOOTSTRAP_MAX)
        .default([])
        .describe('where this host is reached: IP, IP:port or multiaddr'),
    },
    ({ api, given }) => api.desk().createToken(given),
  ),
  route(
    {
      ...post,
      path: '/v1/tokens/revoke',
      summary: 'Lets nobody else join with a token.',
      answers: 'As `meshgate token revoke --json` prints it.',
      schema: revokedTokenSchema,
    },
    { id: z.string().min(1).max(64).describe('its id, or the beginning of it') },
    ({ api, given }) => api.desk().revokeToken(given.id),
  ),
  route(
    {
      ...get,
      path: '/v1/nodes',
      summary: 'Members, hosts that wait for a person, and who was revoked.',
      answers: 'A list, as `meshgate node list --json` prints it.',
      schema: nodesSchema,
    },
    {},
    ({ api }) => api.desk().nodes(),
  ),
  route(
    {
      ...get,
      path: '/v1/node',
      summary: 'What a member is and may do.',
      answers: 'As `meshgate node show --json` prints it.',
      schema: memberSchema,
    },
    { node },
    ({ api, given }) => api.desk().node(given.node),
  ),
  route(
    {
      ...post,
      path: '/v1/nodes/edit',
      summary: 'Changes what a member may do; it gets a new certificate.',
      answers: 'As `meshgate node edit --json` prints it.',
      schema: editedNodeSchema,
    },
    {
      node,
      name: hostName.optional(),
      tags: tags.optional(),
      prefixes: prefixes.optional(),
      hub: z.boolean().optional(),
    },
    ({ api, given: { node: which, ...edit } }) => api.desk().editNode(which, edit),
  ),
  route(
    {
      ...post,
      path: '/v1/nodes/revoke',
      summary: 'Shuts a member out.',
      answers: 'As `meshgate node revoke --json` prints it.',
      schema: revokedNodeSchema,
    },
    { node },
    ({ api, given }) => api.desk().revokeNode(given.node),
  ),
  route(
    {
      ...post,
      path: '/v1/nodes/remove',
      summary: 'Gives back name and address of a member that is gone.',
      answers: 'As `meshgate node remove --json` prints it.',
      schema: revokedNodeSchema,
    },
    { node },
    ({ api, given }) => api.desk().removeNode(given.node),
  ),
  route(
    {
      ...post,
      path: '/v1/nodes/approve',
      summary: 'Lets a host in that waits.',
      answers: 'As `meshgate node approve --json` prints it.',
      schema: decidedNodeSchema,
    },
    { node },
    ({ api, given }) => api.desk().decide(given.node, 'approved'),
  ),
  route(
    {
      ...post,
      path: '/v1/nodes/refuse',
      summary: 'Does not let a host in that waits.',
      answers: 'As `meshgate node refuse --json` prints it.',
      schema: decidedNodeSchema,
    },
    { node },
    ({ api, given }) => api.desk().decide(given.node, 'refused'),
  ),
]
