// SPDX-License-Identifier: Apache-2.0
/** What `meshgate events --json` prints, as agent/core/event-log.ts explains it. */
import { z } from 'zod'
import type { EventEntry, Happening } from '../../../core/event-log.ts'
import { takeoverSchema } from './path-schema.ts'
import { named } from './schema-name.ts'

const text = z.string()
const count = z.int().min(0)

const stamp = {
  sequence: z.int().min(1).describe('grows by one with each event of one run of the agent'),
  time: z.iso.datetime(),
}

const search = { peer: text, sockets: count, probes: count }

/** Every kind must be here: the compiler says which is missing. */
const SHAPES = {
  'path-switched': {
    peer: text,
    from: text.nullable(),
    to: text.nullable(),
    cause: text,
    gapMs: z.number().describe('for so long at most nothing arrived over the old path'),
  },
  'path-down': { peer: text, path: text, reason: text },
  'path-proven': { peer: text, path: text, rttMs: z.number(), sinceMs: z.number() },
  'search-begun': {
    ...search,
    search: z.enum(['birthday', 'prediction']),
    task: z.enum(['spread', 'sweep', 'cross']),
  },
  'search-ended': {
    ...search,
    result: z.enum(['found', 'nothing', 'stopped']),
    endpoint: text.nullable(),
    socket: z.int().nullable(),
  },
  'helper-connected': {
    version: text,
    engine: text,
    why: text,
    kept: count.describe('peers that it had already'),
    restored: z.boolean().describe('it was killed, and went on with what it had kept'),
    takeover: takeoverSchema.nullable(),
  },
  'channel-opened': { peer: text, over: text },
  'channel-closed': { peer: text, reason: text },
  'helper-lost': { reason: text },
  'device-lost': { reason: text },
  'turn-up': { server: text, relayed: text },
  'turn-down': { server: text, cause: text, detail: text.nullable() },
  'mapping-changed': { before: text, mapped: text.nullable() },
  'member-joined': { peer: text },
  'member-left': { peer: text },
  'member-suspect': { peer: text },
  'member-failed': { peer: text },
  'member-alive': { peer: text },
  'member-revoked': { peer: text },
  'member-expired': { peer: text },
  'certificate-replaced': { serial: count, notAfter: z.iso.datetime() },
  'renewal-failed': { reason: text, retryInS: z.number() },
  'twin-seen': { version: count },
  'authority-quorum-lost': { answering: count, of: count },
  'authority-quorum-back': { answering: count, of: count },
  'authority-withdrawn': { key: text },
  'policy-changed': { serial: count, rules: count },
  revoked: { serial: count },
  'links-changed': { addresses: z.array(text) },
} satisfies { readonly [K in Happening['kind']]: ShapeOf<K> }

type ShapeOf<K extends Happening['kind']> = {
  readonly [F in keyof Omit<Extract<Happening, { kind: K }>, 'kind'>]-?: z.ZodType<
    Extract<Happening, { kind: K }>[F]
  >
}

const kinds = Object.entries(SHAPES).map(([kind, shape]) =>
  z.strictObject({ ...stamp, kind: z.literal(kind), ...shape }),
)

export const eventSchema = named('Event', z.union(kinds)) as unknown as z.ZodType<EventEntry>
