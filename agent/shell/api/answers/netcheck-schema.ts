// SPDX-License-Identifier: Apache-2.0
/** What `meshgate netcheck --json` prints, as agent/core/netcheck.ts explains it. */
import { z } from 'zod'
import { PATH_KINDS } from '../../../../nat/path-kind.ts'
import { DOOR_KNOWLEDGE, type FullNetcheck } from '../../../core/netcheck.ts'
import { natSchema } from './path-schema.ts'
import { named } from './schema-name.ts'
import { turnServerSchema } from './status-schema.ts'

const names = z.array(z.string())
const bytes = z.int().min(0)
const reached = z.boolean().nullable().describe('null while nobody was asked')
const rttMs = z.number().nullable()

const family = z.strictObject({ local: names, mapped: names, reached })

const protocols = z.strictObject({
  gateway: z.string(),
  pcp: z.string(),
  natPmp: z.string(),
  upnp: z.string(),
})

const tcpReport = z.strictObject({
  name: z.string().describe('`hub NAME` or `TURN ID`'),
  address: z.string(),
  outcome: z.enum(['connected', 'refused', 'no answer', 'no such name', 'no route']),
  rttMs,
})

export const netcheckSchema: z.ZodType<FullNetcheck> = named(
  'Netcheck',
  z.strictObject({
    nat: natSchema,
    evidence: z.string().describe('how the mapping is known'),
    filteringEvidence: z
      .string()
      .nullable()
      .describe('how the filtering is known, or why it is not'),
    hairpin: z.boolean().nullable().describe('hosts behind the NAT meet at their outer addresses'),
    ipv4: family,
    ipv6: family,
    udp: z.strictObject({ reached, answered: names, silent: names }),
    stunServers: z.array(
      z.strictObject({
        server: z.string(),
        answered: z.boolean(),
        rttMs,
        mapped: z.string().nullable(),
      }),
    ),
    turnServers: z.array(turnServerSchema),
    hubs: z.array(z.strictObject({ name: z.string(), rttMs })),
    dialable: z.boolean().describe('whether others reach this host, as far as is known'),
    doors: z.array(
      z.strictObject({
        address: z.string(),
        udp: z.boolean(),
        tcp: z.boolean(),
        known: z.enum(DOOR_KNOWLEDGE),
        by: names.describe('members that have tried'),
      }),
    ),
    portMapping: protocols.nullable().describe('what the router answers'),
    whyNoPortMapping: z.string().nullable(),
    links: z.array(z.strictObject({ interface: z.string(), mtu: bytes })),
    paths: z.array(
      z.strictObject({
        peer: z.string(),
        path: z.strictObject({
          kind: z.enum(['none', ...PATH_KINDS]),
          via: z.string().nullable(),
          endpoint: z.string().nullable(),
        }),
        active: z.boolean(),
        mtu: bytes.describe('of an IP packet inside the mesh'),
        settled: z.boolean().describe('false while larger sizes are still tried'),
      }),
    ),
    tcp: z.array(tcpReport),
    tcp443: z.boolean().nullable().describe('null where nobody is known who listens there'),
  }),
)
