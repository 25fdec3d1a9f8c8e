// SPDX-License-Identifier: Apache-2.0
/**
 * What the helper may say, checked before the core sees it. Fields that a newer helper adds are
 * dropped; a field that is missing or of another type refuses the whole message.
 */
import { z } from 'zod'
import { parseTransportAddress } from '../../../nat/address.ts'
import type {
  ApplyResult,
  EchoResult,
  HelperEvent,
  HelperState,
} from '../../core/helper-contract.ts'
import type { HelperHello } from '../../core/helper-hello.ts'
import type { FieldProblem } from '../../core/helper-fault.ts'

const transportAddress = z.string().transform((text, context) => {
  const parsed = parseTransportAddress(text)
  if (parsed.ok) return parsed.value
  context.addIssue({ code: 'custom', message: 'not a transport address' })
  return z.NEVER
})

const count = z.number().int().nonnegative()
const duration = z.number().nonnegative()
const engine = z.enum(['kernel', 'userspace'])

const link = z.object({
  name: z.string(),
  index: z.number().int(),
  up: z.boolean(),
  mtu: count,
  addresses: z.array(z.string()),
  spares: z.array(z.string()).optional(),
  tunnel: z.boolean().optional(),
})

const path = z.object({
  id: z.string(),
  kind: z.enum(['direct', 'relay', 'turn', 'channel']),
  endpoint: transportAddress.nullable(),
  via: z.array(z.string()),
  server: z.string().nullable(),
  socket: count.nullable(),
  source: z.string().optional(),
  up: z.boolean(),
  carries: z.boolean().nullable(),
  rttUs: duration.nullable(),
  lossPermille: count,
  lastReplyMs: duration.nullable(),
})

const peer = z.object({
  publicKey: z.string(),
  allowedIps: z.array(z.string()),
  keepaliveMs: count,
  rxBytes: count,
  txBytes: count,
  lastHandshakeMs: duration.nullable(),
  activePath: z.string().nullable(),
  session: z.object({ rttUs: duration.nullable(), ageMs: duration.nullable() }),
  paths: z.array(path),
})

const device = z.object({
  name: z.string(),
  index: z.number().int(),
  mtu: count,
  listenPort: count,
  publicKey: z.string(),
  addresses: z.array(z.string()),
  stunServer: z.boolean(),
  relay: z.boolean(),
})

const turnServer = z.object({
  id: z.string(),
  transport: z.enum(['udp', 'tcp', 'tls']),
  state: z.enum(['up', 'connecting', 'failed']),
  cause: z.string().nullable(),
  detail: z.string().nullable(),
  relayed: transportAddress.nullable(),
  rttUs: duration.nullable(),
})

const names = z.object({
  zone: z.string(),
  wiring: z.string().nullable(),
  problem: z.string().nullable(),
})

const relayed = z.object({ frames: count, bytes: count, dropped: count, refused: count })

const route = z.object({ destination: z.string(), mtu: count.exactOptional() })

export const helloSchema: z.ZodType<HelperHello> = z.object({
  protocol: z.number().int(),
  helper: z.string(),
  engine,
  engineReason: z.string(),
  instance: z.string(),
  features: z.array(z.string()).default([]),
})

export const applySchema: z.ZodType<ApplyResult> = z.object({
  generation: count,
  changed: z.array(z.string()),
})

export const echoSchema: z.ZodType<EchoResult> = z.object({
  rttUs: duration,
  path: z.string(),
  endpoint: transportAddress.nullable(),
})

export const stateSchema: z.ZodType<HelperState> = z.object({
  instance: z.string(),
  engine,
  generation: count,
  // A helper from before it kept anything.
  restored: z.boolean().default(false),
  takeover: z
    .object({ device: z.boolean(), sessions: z.boolean(), sockets: count })
    .nullable()
    .default(null),
  device: device.nullable(),
  routes: z.array(route),
  turn: z.array(turnServer),
  relayed,
  links: z.array(link),
  peers: z.array(peer),
  names: names.nullable(),
})

export const emptySchema = z.object({})

export const problemsSchema: z.ZodType<{ problems: FieldProblem[] }> = z.object({
  problems: z.array(
    z.object({
      field: z.string(),
      value: z.unknown(),
      problem: z.string(),
      remedy: z.string().default(''),
    }),
  ),
})

export const systemSchema = z.object({
  reason: z
    .enum(['tun-missing', 'not-permitted', 'port-taken', 'name-taken', 'system'])
    .catch('system'),
  remedy: z.string().default(''),
})

export const measureSchema = z.object({ rttUs: duration })

export const tooLargeSchema = z.object({ mtu: z.number().int() })

const payload = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')))

const pathId = z.string().nullable()

/** By method, without the method itself. */
const eventSchemas: { [M in HelperEvent['method']]: z.ZodType } = {
  datagram: z.object({ from: transportAddress, payload }),
  'probe-reply': z.object({
    peer: z.string(),
    endpoint: transportAddress,
    transaction: z.string(),
    rttUs: duration,
    observed: transportAddress,
  }),
  'probe-heard': z.object({
    peer: z.string(),
    from: transportAddress,
    server: z.string().nullable(),
  }),
  'search-ended': z.object({
    peer: z.string(),
    transaction: z.string().optional(),
    result: z.enum(['found', 'nothing', 'stopped']),
    sockets: count,
    probes: count,
    endpoint: transportAddress.nullable(),
    socket: count.nullable(),
  }),
  'path-up': z.object({ peer: z.string(), path: z.string(), rttUs: duration }),
  'path-down': z.object({ peer: z.string(), path: z.string(), reason: z.string() }),
  switched: z.object({
    peer: z.string(),
    from: pathId,
    to: pathId,
    cause: z.string(),
    gapMs: duration,
  }),
  'links-changed': z.object({ links: z.array(link) }),
  stats: z.object({ peers: z.array(peer), turn: z.array(turnServer) }),
  // The server is the event: it has nothing else to say.
  'turn-changed': turnServer.transform((server) => ({ server })),
  'names-changed': names.transform((state) => ({ names: state })),
  'device-lost': z.object({ reason: z.string() }),
}

/** An event, or undefined for one that is malformed or newer than this agent. */
export function parseHelperEvent(method: string, params: unknown): HelperEvent | undefined {
  if (!Object.hasOwn(eventSchemas, method)) return undefined
  const parsed = eventSchemas[method as HelperEvent['method']].safeParse(params)
  return parsed.success ? ({ method, ...(parsed.data as object) } as HelperEvent) : undefined
}
