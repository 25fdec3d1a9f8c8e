// SPDX-License-Identifier: Apache-2.0
/** What `meshgate plan --json` prints, as topology/plan.ts explains it. */
import { z } from 'zod'
import { POLICY_PROTOCOLS } from '../../../../topology/policy.ts'
import { named } from './schema-name.ts'

const text = z.string()
const texts = z.array(text)
const port = z.int().min(0).max(65_535)

export const portsSchema = z.array(z.tuple([port, port])).describe('ranges, both ends included')

const way = { id: text.max(96) }

const path = z.union([
  z.strictObject({
    ...way,
    kind: z.literal('direct'),
    endpoint: text,
    socket: z.int().optional().describe('a punched one; else the one port'),
  }),
  z.strictObject({
    ...way,
    kind: z.literal('relay'),
    via: texts.describe('hubs, by node id'),
    overTurn: z.boolean().describe('the first hub is reached over a TURN server of ours'),
  }),
  z.strictObject({
    ...way,
    kind: z.literal('turn'),
    server: text.nullable(),
    endpoint: text,
  }),
  z.strictObject({ ...way, kind: z.literal('channel') }),
])

const peer = z.strictObject({
  node: text,
  name: text,
  wireguardKey: text,
  probeKey: text,
  allowedIps: texts,
  lateIps: texts.describe('of another peer by now; late answers from there are taken in'),
  echoAddress: text,
  keepaliveMs: z.number(),
  duplicate: z.boolean().describe('every packet goes over two paths'),
  paths: z.array(path).describe('most wanted first'),
  why: text,
})

const device = z.strictObject({
  name: text,
  mtu: z.int(),
  listenPort: port,
  addresses: texts,
  stunServer: z.boolean(),
  relay: z.boolean(),
})

const admission = z.strictObject({
  from: texts,
  protocol: z.enum(POLICY_PROTOCOLS),
  ports: portsSchema,
})

export const planSchema = named(
  'Plan',
  z.strictObject({
    device,
    turn: z.array(z.strictObject({ id: text, url: text })),
    firewall: z
      .strictObject({ allow: z.array(admission) })
      .nullable()
      .describe('what is let in over the device; null: everything'),
    routes: z.array(z.strictObject({ destination: text, mtu: z.int() })),
    peers: z.array(peer),
    lateFrom: texts.describe('what leaves from there is sent a second time'),
    names: z
      .strictObject({
        zone: text,
        hosts: z.array(z.strictObject({ name: text, addresses: texts })),
      })
      .nullable(),
  }),
)
