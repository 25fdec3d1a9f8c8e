// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'
import { flag, nodeName, port } from './description-fields.ts'

const realm = z.string('give a realm such as lab')

/** RFC 8489 section 9.2: one user with a password that lasts. */
const longTermAccount = z.strictObject({ user: z.string(), password: z.string(), realm })
/** Names and passwords that whoever knows the secret makes, each with its end: see turn-credential.ts. */
const timeLimitedAccounts = z.strictObject({ authSecret: z.string(), realm })

const coturnSchema = z.strictObject({
  kind: z.literal('coturn'),
  on: nodeName,
  /** For UDP and TCP; default 3478. */
  port: port.optional(),
  /** The transports of that port; default both. */
  transports: z
    .array(z.enum(['udp', 'tcp'], 'choose of udp, tcp'))
    .min(1, 'choose of udp, tcp')
    .optional(),
  /** TURN over TLS as well, with a certificate of the lab's own authority, whose file every host has as `ca.pem`. */
  tls: flag.optional(),
  /** Default 5349; 443 is what networks that block everything leave open. */
  tlsPort: port.optional(),
  /** Without it the server answers STUN only. */
  turn: z
    .union(
      [longTermAccount, timeLimitedAccounts],
      'give user, password and realm, or authSecret and realm',
    )
    .optional(),
  /** Addresses or ranges `from-to` that it relays nothing to; default: private ones, as careful operators set it. */
  deniedPeers: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
})

const commandSchema = z.strictObject({
  kind: z.literal('command'),
  on: nodeName,
  run: z.array(z.string()).min(1, 'give the command as a list of words'),
  env: z.record(z.string(), z.string()).optional(),
  /** The lab is up once the host listens here. */
  ready: z.strictObject({ udp: port.optional(), tcp: port.optional() }).optional(),
})

export const serviceSchema = z.discriminatedUnion(
  'kind',
  [coturnSchema, commandSchema],
  'set kind to "coturn" or "command"',
)

export const serviceChangeSchema = z.strictObject({
  /** false kills it on the spot, true starts it again and waits until it listens. */
  running: flag.optional(),
})

export type ServiceDescription = z.output<typeof serviceSchema>
export type CoturnDescription = z.output<typeof coturnSchema>
export type ServiceChange = z.output<typeof serviceChangeSchema>
