// SPDX-License-Identifier: Apache-2.0
/** Tokens, members and the link to the page, as the local API answers them. */
import { z } from 'zod'
import type {
  CreatedToken,
  DecidedNode,
  EditedNode,
  MemberReport,
  NodeReport,
  RevokedNode,
  RevokedToken,
  TokenReport,
} from '../../authority/admin-desk.ts'
import type { PageLink } from '../agent-api.ts'
import { named } from './schema-name.ts'

const texts = z.array(z.string())
const count = z.int().min(0)
const time = z.string().describe('ISO 8601')

export const createdTokenSchema: z.ZodType<CreatedToken> = named(
  'CreatedToken',
  z.strictObject({
    token: z.string().describe('the text to paste on the other host; it is told only once'),
    id: z.string(),
    uses: count,
    expires: time,
    bootstrap: texts.describe('where hosts will knock'),
  }),
)

const token: z.ZodType<TokenReport> = named(
  'Token',
  z.strictObject({
    id: z.string(),
    state: z.enum(['valid', 'revoked', 'used up', 'expired']),
    used: count,
    uses: count,
    created: time,
    expires: time,
    namePattern: z.string().nullable(),
    tags: texts,
    prefixes: texts,
    awayMs: z.number().nullable().describe('null: hosts that are gone are kept'),
    hub: z.boolean(),
  }),
)

export const tokensSchema = z.array(token)

export const revokedTokenSchema: z.ZodType<RevokedToken> = named(
  'RevokedToken',
  z.strictObject({ id: z.string(), revoked: z.literal(true), used: count, uses: count }),
)

const nodeShape = {
  name: z.string(),
  node: z.string().describe('its node id'),
  state: z.enum(['member', 'expired', 'revoked', 'waiting', 'approved', 'not approved']),
  addresses: texts,
  tags: texts,
  prefixes: texts,
  notAfter: time.nullable(),
}

const memberShape = {
  ...nodeShape,
  hub: z.boolean().describe('whether it may forward for others'),
  authority: z.boolean(),
  awayMs: z.number().nullable(),
  token: z.string().nullable().describe('with which it came; null: it made the network'),
  serial: count,
  notBefore: time,
}

const announced = z.boolean().describe('whether the members hear of it now')

/** Members say more than hosts that wait and those that were revoked. */
export const nodesSchema: z.ZodType<readonly NodeReport[]> = z.array(
  named('Node', z.union([z.strictObject(memberShape), z.strictObject(nodeShape)])),
)

export const memberSchema: z.ZodType<MemberReport> = named('Member', z.strictObject(memberShape))

export const editedNodeSchema: z.ZodType<EditedNode> = named(
  'EditedNode',
  z.strictObject({ ...memberShape, announced }),
)

export const revokedNodeSchema: z.ZodType<RevokedNode> = named(
  'RevokedNode',
  z.strictObject({
    name: z.string(),
    node: z.string(),
    notAfter: time,
    announced,
    openToken: z
      .strictObject({ id: z.string(), usesLeft: count })
      .nullable()
      .describe('the token with which it came, if others can still use it'),
  }),
)

export const decidedNodeSchema: z.ZodType<DecidedNode> = named(
  'DecidedNode',
  z.strictObject({ name: z.string(), node: z.string(), state: z.enum(['approved', 'refused']) }),
)

export const pageLinkSchema: z.ZodType<PageLink> = named(
  'PageLink',
  z.strictObject({ url: z.string().describe('works once'), validS: count }),
)
