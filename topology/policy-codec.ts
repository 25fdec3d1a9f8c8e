// SPDX-License-Identifier: Apache-2.0
/**
 * ```
 * policy = envelope "policy" by the authority's key, at most 16384 bytes, of
 * { network: bstr .size 16, serial: uint, issuedAt: uint,
 *   rules: [* 128 { from: [* 16 tstr], to: [* 16 tstr], protocol: tstr, ports: [* 16 [uint, uint]] }] }
 * ```
 * Closed: what this version does not know might be a restriction.
 */
import { err, ok, type Result } from '../nat/result.ts'
import {
  decodeAs,
  encodeAs,
  hex,
  integer,
  listOf,
  oneOf,
  type Schema,
  struct,
  text,
  tuple,
} from './cbor-schema.ts'
import { SERIAL_MAX } from './certificate.ts'
import { wallTimeSchema } from './certificate-codec.ts'
import type { Crypto, Signer } from './crypto.ts'
import { type AuthorityFault, judgeAuthority, type Trust } from './authority-signature.ts'
import { ENVELOPE_BYTES_MAX, openEnvelope, sealEnvelope } from './envelope.ts'
import { isHostName } from './host-name.ts'
import { NETWORK_ID_BYTES } from './identity.ts'
import {
  type Policy,
  POLICY_PROTOCOLS,
  type PolicyRule,
  PORT_RANGES_MAX,
  type PortRange,
  RULES_MAX,
  SELECTORS_MAX,
} from './policy.ts'

export type PolicyFault = 'too-large' | 'malformed' | 'wrong-network' | AuthorityFault

const port = integer(1, 65_535)

const ruleSchema: Schema<PolicyRule> = struct<PolicyRule>({
  from: listOf(text(isSelector), SELECTORS_MAX),
  to: listOf(text(isSelector), SELECTORS_MAX),
  protocol: oneOf(...POLICY_PROTOCOLS),
  ports: listOf(tuple<PortRange>(port, port), PORT_RANGES_MAX),
})

const policySchema: Schema<Policy> = struct<Policy>({
  network: hex(NETWORK_ID_BYTES),
  serial: integer(1, SERIAL_MAX),
  issuedAt: wallTimeSchema,
  rules: listOf(ruleSchema, RULES_MAX),
})

export function isSelector(selector: string): boolean {
  if (selector === '*') return true
  return isHostName(selector.startsWith('tag:') ? selector.slice(4) : selector)
}

/** Throws RangeError for one that is larger than a policy may be. */
export function signPolicy(policy: Policy, authority: Signer): Uint8Array {
  return sealEnvelope('policy', encodeAs(policySchema, policy), authority)
}

/** Never throws. */
export function verifyPolicy(
  sealed: Uint8Array,
  network: Trust,
  crypto: Pick<Crypto, 'verify'>,
): Result<Policy, PolicyFault> {
  const envelope = openEnvelope('policy', sealed)
  if (!envelope.ok) return envelope
  const policy = decodeAs(policySchema, envelope.value.payload, ENVELOPE_BYTES_MAX.policy)
  if (!policy.ok) return policy
  if (policy.value.network !== network.id) return err('wrong-network')
  const span = { from: policy.value.issuedAt, until: policy.value.issuedAt }
  const signed = judgeAuthority('policy', envelope.value, network, crypto, span)
  if (!signed.ok) return signed
  return policy.value.rules.every(isWhole) ? ok(policy.value) : err('malformed')
}

/** Ports belong to TCP and UDP, and a range begins before it ends. */
export function isWhole({ protocol, ports }: PolicyRule): boolean {
  const hasPorts = protocol === 'tcp' || protocol === 'udp'
  return (hasPorts || ports.length === 0) && ports.every(([low, high]) => low <= high)
}
