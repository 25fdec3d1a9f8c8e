// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'
import { PATH_KINDS } from '../../../../nat/path-kind.ts'
import {
  FILTERING_BEHAVIOURS,
  MAPPING_BEHAVIOURS,
  type NatBehaviour,
} from '../../../../nat/behaviour.ts'
import type { HelperTakeover } from '../../../core/helper-takeover.ts'
import type { PathStatus } from '../../../core/status.ts'
import { named } from './schema-name.ts'

export const pathSchema: z.ZodType<PathStatus> = named(
  'Path',
  z.strictObject({
    kind: z.enum(['none', ...PATH_KINDS]),
    via: z.string().nullable().describe('hubs or server that it crosses, by name'),
    hubServer: z
      .string()
      .nullable()
      .describe('TURN server of this host over which it reaches the first hub, if it needs one'),
    endpoint: z.string().nullable().describe('address and port'),
    rttMs: z.number().nullable(),
    lossPct: z.number().nullable(),
  }),
)

const natShape = {
  mapping: z.enum(MAPPING_BEHAVIOURS).describe('RFC 4787, section 4.1'),
  filtering: z.enum(FILTERING_BEHAVIOURS).describe('RFC 4787, section 5'),
  lifetimeMs: z
    .number()
    .nullable()
    .describe('how long a mapping lives that nobody uses, at least; null until it is learned'),
}

export const natSchema = named('Nat', z.strictObject(natShape)) satisfies z.ZodType<NatBehaviour>

/** What a helper has of one that was killed or replaced before it. */
export const takeoverSchema: z.ZodType<HelperTakeover> = z.strictObject({
  device: z.boolean().describe('the same interface'),
  sessions: z.boolean().describe('the same sessions'),
  sockets: z.int().min(0).describe('punched sockets that are the same'),
})
