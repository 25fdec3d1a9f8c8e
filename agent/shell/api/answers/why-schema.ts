// SPDX-License-Identifier: Apache-2.0
/** What `meshgate why PEER --json` prints, as agent/core/status.ts explains it. */
import { z } from 'zod'
import { ASK_FAULTS, ATTEMPT_OUTCOMES } from '../../../../topology/ask-frame.ts'
import type { Why, WhyAttempt, WhySearch, WhySide } from '../../../core/status.ts'
import { natSchema, pathSchema } from './path-schema.ts'
import { named } from './schema-name.ts'

const names = z.array(z.string())
const count = z.int().min(0)

const sideSchema: z.ZodType<WhySide> = named(
  'WhySide',
  z.strictObject({
    name: z.string(),
    nat: natSchema,
    evidence: z.string().nullable(),
    candidates: z.array(z.strictObject({ kind: z.string(), address: z.string() })),
    hubs: names,
    relay: z.boolean(),
  }),
)

const attemptSchema: z.ZodType<WhyAttempt> = named(
  'WhyAttempt',
  z.strictObject({
    address: z.string(),
    kind: z.string(),
    outcome: z.enum(ATTEMPT_OUTCOMES),
    rttMs: z.number().nullable(),
  }),
)

const searchSchema: z.ZodType<WhySearch> = z.strictObject({
  kind: z.enum(['birthday', 'prediction']),
  task: z.enum(['spread', 'sweep', 'cross']).describe('the part of this host'),
  sockets: count.describe('of the host whose NAT is hard'),
  probes: count.describe('of the other one'),
  chance: z.number().min(0).max(1).nullable().describe('that one search meets'),
  attempts: count,
  attemptsMax: count,
  isUnderWay: z.boolean(),
  nextMs: z.number().nullable(),
  last: z
    .strictObject({
      result: z.enum(['found', 'nothing', 'stopped']),
      sockets: count,
      probes: count,
      endpoint: z.string().nullable(),
    })
    .nullable(),
})

export const whySchema: z.ZodType<Why> = named(
  'Why',
  z.strictObject({
    peer: z.string(),
    nodeId: z.string(),
    sentence: z.string(),
    path: pathSchema,
    backups: z.array(pathSchema),
    self: sideSchema,
    other: sideSchema,
    attempts: z.array(attemptSchema),
    search: searchSchema.nullable().describe('through hard NATs; null where there is no ground'),
    obstacle: z.strictObject({ kind: z.string(), sentence: z.string() }).nullable(),
    remedies: names,
    policy: z
      .strictObject({ toPeer: z.string(), fromPeer: z.string(), sentence: z.string() })
      .nullable(),
    nextRoundMs: z.number().nullable(),
    otherAttempts: z.array(attemptSchema).nullable(),
    otherPath: pathSchema.nullable(),
    otherSentence: z.string().nullable(),
    unanswered: z
      .strictObject({
        fault: z.enum(ASK_FAULTS),
        sentence: z.string(),
      })
      .nullable()
      .describe('why the view of the peer is missing'),
  }),
)
