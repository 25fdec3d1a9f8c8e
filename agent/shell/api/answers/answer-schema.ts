// SPDX-License-Identifier: Apache-2.0
/** The smaller answers of the local API. */
import { z } from 'zod'
import type { Policy } from '../../../../topology/policy.ts'
import { POLICY_PROTOCOLS } from '../../../../topology/policy.ts'
import type { HubReport } from '../../draining.ts'
import type { Sample } from '../../telemetry/sample-history.ts'
import type { PingOutcome, Reloaded } from '../agent-api.ts'
import { pathSchema } from './path-schema.ts'
import { portsSchema } from './plan-schema.ts'
import { named } from './schema-name.ts'

const names = z.array(z.string())
const count = z.int().min(0)

export const emptySchema = named('Empty', z.strictObject({}))

const sample: z.ZodType<Sample> = z.strictObject({
  rttMs: z.number().nullable(),
  lossPct: z.number().nullable(),
  rxBytes: count,
  txBytes: count,
  kind: z.string(),
})

export const historySchema = named('History', z.array(sample))

const sequence = z.int().min(1)

/** One line a round trip. */
export const pingSchema: z.ZodType<PingOutcome & { readonly sequence: number }> = named(
  'PingOutcome',
  z.union([
    z.strictObject({
      sequence,
      ok: z.literal(true),
      reply: z.strictObject({ rttMs: z.number(), path: pathSchema }),
    }),
    z.strictObject({
      sequence,
      ok: z.literal(false),
      fault: z.enum(['no-such-peer', 'no-reply', 'no-helper']),
      message: z.string(),
    }),
  ]),
)

export const reloadedSchema: z.ZodType<Reloaded> = named(
  'Reloaded',
  z.strictObject({
    changed: names.describe('keys that differ from before'),
    restart: names.describe('those among them that only a restart takes up'),
  }),
)

export const hubSchema: z.ZodType<HubReport> = named(
  'Hub',
  z.strictObject({
    relays: z.boolean().describe('whether this host forwards for others'),
    prefixes: names.describe('what it speaks for as a gateway'),
    draining: z.boolean(),
    users: names.describe('members that have it as a home hub'),
    frames: count.nullable().describe('passed on since the start of the helper'),
  }),
)

const rule = z.strictObject({
  from: names.describe('names, tag:NAME or *'),
  to: names,
  protocol: z.enum(POLICY_PROTOCOLS),
  ports: portsSchema,
})

const policy = z.strictObject({
  network: z.string(),
  serial: count,
  issuedAt: z.number().describe('milliseconds since 1970'),
  rules: z.array(rule),
})

export const policySchema = named(
  'Policy',
  z.strictObject({ policy: policy.nullable().describe('null: members reach members') }),
) as unknown as z.ZodType<{ readonly policy: Policy | null }>

export const leftSchema = named('Left', z.strictObject({ toldOthers: z.boolean() }))
export const rotatedSchema = named('Rotated', z.strictObject({ nodeId: z.string(), serial: count }))
