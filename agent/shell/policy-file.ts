// SPDX-License-Identifier: Apache-2.0
/**
 * A policy as a person writes it:
 *
 * ```toml
 * [[allow]]
 * from = ["tag:web"]            # names, tag:NAME, or "*"
 * to = ["tag:db"]
 * protocol = "tcp"              # any (if left out), tcp, udp, icmp
 * ports = [5432, "8000-8100"]   # all if left out
 * ```
 */
import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { z } from 'zod'
import {
  POLICY_PROTOCOLS,
  type PolicyRule,
  PORT_RANGES_MAX,
  type PortRange,
  RULES_MAX,
  SELECTORS_MAX,
} from '../../topology/policy.ts'
import { isSelector, isWhole } from '../../topology/policy-codec.ts'
import { Failure } from './failure.ts'
import { onFile } from './state/state-fault.ts'

const selectors = z
  .array(z.string().refine(isSelector, 'is no name, tag:NAME or *'))
  .min(1)
  .max(SELECTORS_MAX)

const port = z.int().min(1).max(65_535)

const ports = z.union([
  port.transform((one): PortRange => [one, one]),
  z
    .string()
    .regex(/^[0-9]{1,5}-[0-9]{1,5}$/, 'is no port or range, such as 22 or "8000-8100"')
    .transform((range): PortRange => {
      const [low, high] = range.split('-').map(Number)
      return [low!, high!]
    })
    .refine(([low, high]) => low >= 1 && high <= 65_535 && low <= high, 'is no range of ports'),
])

const documentSchema = z.strictObject({
  allow: z
    .array(
      z
        .strictObject({
          from: selectors,
          to: selectors,
          protocol: z.enum(POLICY_PROTOCOLS as [string, ...string[]]).default('any'),
          ports: z.array(ports).max(PORT_RANGES_MAX).default([]),
        })
        .refine((rule) => isWhole(rule as PolicyRule), 'ports need protocol = "tcp" or "udp"'),
    )
    .max(RULES_MAX)
    .default([]),
})

/** Throws Failure `bad-policy` that names every fault, StateFault if there is no such file. An empty document allows nothing. */
export function readPolicyFile(path: string): PolicyRule[] {
  const text = onFile(path, () => readFileSync(path, 'utf8'))
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    throw new Failure('bad-policy', `${path} is not TOML: ${(error as Error).message}`, {
      remedy: 'write [[allow]] with from and to: `meshgate policy check --help`',
      cause: error,
    })
  }
  const checked = documentSchema.safeParse(document)
  if (checked.success) return checked.data.allow as PolicyRule[]
  throw new Failure('bad-policy', `${path}: ${z.prettifyError(checked.error)}`, {
    remedy: 'mend it; nothing has changed',
  })
}
