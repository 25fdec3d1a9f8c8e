// SPDX-License-Identifier: Apache-2.0
/** What `meshgate status --json` prints, as agent/core/status.ts explains it. */
import { z } from 'zod'
import type {
  PeerStatus,
  SelfStatus,
  Status,
  SwitchStatus,
  TurnServerStatus,
} from '../../../core/status.ts'
import { natSchema, pathSchema, takeoverSchema } from './path-schema.ts'
import { named } from './schema-name.ts'

const time = z.iso.datetime()
const names = z.array(z.string())
const count = z.int().min(0)

export const turnServerSchema: z.ZodType<TurnServerStatus> = named(
  'TurnServer',
  z.strictObject({
    id: z.string(),
    url: z.string(),
    state: z.enum(['up', 'connecting', 'failed']),
    cause: z.string().nullable(),
    detail: z.string().nullable(),
    relayed: z.string().nullable().describe('where others find this host over it'),
    rttMs: z.number().nullable(),
  }),
)

const portMapping = z.strictObject({
  protocol: z.enum(['pcp', 'nat-pmp', 'upnp']),
  external: z.string().describe('of the UDP port'),
  externalTcp: z.string().nullable().describe('of the TCP port; null if only UDP is mapped'),
  expiresInS: z.number(),
})

const partition = z.strictObject({
  unseen: count,
  members: count.describe('this host included'),
  authorities: count,
  authoritiesSeen: count,
  quorumLost: z.boolean().describe('nobody can be admitted, and no certificate renewed'),
  sentence: z.string(),
})

const clock = z.strictObject({
  offMs: z.number().describe('ahead of theirs; negative is behind'),
  sentence: z.string(),
})

const quorum = z.strictObject({
  members: z.array(z.strictObject({ endpoint: z.string(), healthy: z.boolean() })),
  quorum: z.boolean().describe('whether a majority answers'),
  leader: z.string().nullable().describe('the host that decides now'),
  ledgerLost: z
    .boolean()
    .describe(
      'it holds no ledger of this network any more: nobody is admitted until a backup is brought back',
    ),
})

const helperNames = z.strictObject({
  zone: z.string(),
  wiring: z.string().nullable().describe('how the resolver of the host was told'),
  problem: z.string().nullable(),
})

const helper = z.strictObject({
  connected: z.boolean(),
  engine: z.string().nullable(),
  restored: z.boolean().nullable().describe('it was killed, and went on with what it had kept'),
  takeover: takeoverSchema.nullable(),
  engineReason: z.string().nullable(),
  problem: z.string().nullable(),
})

const selfSchema: z.ZodType<SelfStatus> = named(
  'Self',
  z.strictObject({
    name: z.string(),
    nodeId: z.string(),
    network: z.string(),
    networkId: z.string(),
    addresses: names,
    tags: names,
    interface: z.string(),
    listenPort: count.nullable(),
    nat: natSchema.extend({
      mapped: names.describe('where STUN servers saw this host'),
      portMapping: portMapping.nullable(),
      whyNoPortMapping: z.string().nullable(),
    }),
    spareUplinks: names.describe(
      "addresses on uplinks beside the kernel's first choice; each is a way of its own",
    ),
    turnServers: z.array(turnServerSchema),
    names: helperNames.nullable(),
    dialAddresses: names,
    authority: z.boolean(),
    authorityQuorum: quorum
      .nullable()
      .describe('of the etcd cluster that authorities share; null where there is none'),
    certificateNotAfter: time,
    partition: partition.nullable(),
    clock: clock.nullable().describe("how far this host's clock is from most members'"),
    twinSince: time.nullable().describe('since when another host runs with the keys of this one'),
    membership: z.enum(['valid', 'expired', 'revoked']),
    helper,
    neighbours: names.describe('members to which a gossip link stands'),
  }),
)

const switchSchema: z.ZodType<SwitchStatus> = z.strictObject({
  time,
  from: z.string().nullable(),
  to: z.string().nullable(),
  cause: z.string(),
  gapMs: z.number().describe('for so long at most nothing arrived over the old path'),
})

const peerSchema: z.ZodType<PeerStatus> = named(
  'Peer',
  z.strictObject({
    name: z.string(),
    nodeId: z.string(),
    addresses: names,
    tags: names,
    liveness: z.enum(['alive', 'suspect', 'failed', 'left', 'unknown']),
    hub: z.boolean(),
    homeHubs: names,
    path: pathSchema,
    backups: z.array(pathSchema),
    lastSwitch: switchSchema.nullable(),
    switches: count,
    switchCauses: z.record(z.string(), count),
    why: z.string().describe('one sentence: why this path and no better one'),
    nat: natSchema,
    mtu: count.describe('bytes of IP packet that all its paths carry'),
    rxBytes: count,
    txBytes: count,
    lastHandshakeMs: z.number().nullable(),
    sessionRttMs: z.number().nullable().describe('inside the WireGuard session'),
  }),
)

export const statusSchema: z.ZodType<Status> = named(
  'Status',
  z.strictObject({ self: selfSchema, peers: z.array(peerSchema) }),
)
