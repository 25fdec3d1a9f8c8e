// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a node is admitted, decided inside one transaction of the authority's store, whichever
 * store that is: what is read here is still true when it is written.
 *
 * A repeated request of an admitted node gets the same certificate and costs no use, so a reply that
 * was lost on the way can be asked for again.
 */
import type { WallTime } from '../../../nat/clock.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { provesSecret, type SignedJoinRequest } from '../../../topology/admission.ts'
import {
  type Certificate,
  CERTIFICATE_LIFETIME_MS,
  CLOCK_SKEW_MS,
} from '../../../topology/certificate.ts'
import { signCertificate } from '../../../topology/certificate-codec.ts'
import type { Crypto, Signer } from '../../../topology/crypto.ts'
import type { Grant } from '../../../topology/grant.ts'
import { matchesNamePattern } from '../../../topology/host-name.ts'
import type { RefusalReason } from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import { ipv6AddressOf, lowestFreeIpv4 } from '../../../topology/overlay-address.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import type { AuthorityLedger, StoredNode, StoredToken } from './authority-store.ts'

/** A host that may be switched off for good at any time gives its name and address back within a day. */
export const EPHEMERAL_LIFETIME_MS = 86_400_000

export interface AdmissionAttempt {
  readonly request: SignedJoinRequest
  readonly network: Network
  readonly now: WallTime
  readonly crypto: Crypto
  readonly authority: Signer
}

/** The certificate's envelope, or why not. */
export function admitNode(
  ledger: AuthorityLedger,
  attempt: AdmissionAttempt,
): Result<Uint8Array, RefusalReason> {
  const { request, network, now, crypto, authority } = attempt
  if (request.network !== network.id) return err('wrong-network')
  const token = ledger.token(request.token)
  if (token === undefined) return err('token-unknown')
  if (!provesSecret(request, token.proofKey, crypto)) return err('bad-proof')
  if (token.revoked) return err('token-revoked')
  ledger.dropLapsed(now)
  const known = ledger.node(request.node)
  const counted = ledger.wasAdmitted(request.token, request.node)
  if (counted && known !== undefined && isAnsweredBy(known, request, now)) {
    return ok(known.certificateBytes)
  }
  const refusal = refusalOf(token, counted, now) ?? nameRefusal(ledger, token.grant, request)
  if (refusal !== undefined) return err(refusal)
  const ipv4 = known?.certificate.ipv4 ?? freeAddress(ledger, network, now)
  if (ipv4 === undefined) return err('address-plan-full')
  const lifetimeMs = token.grant.ephemeral ? EPHEMERAL_LIFETIME_MS : CERTIFICATE_LIFETIME_MS
  const certificate: Certificate = {
    network: network.id,
    serial: ledger.nextSerial(now),
    node: request.node,
    wireguardKey: request.wireguardKey,
    probeKey: request.probeKey,
    name: request.name,
    ipv4,
    ipv6: ipv6AddressOf(network.id, request.node, crypto),
    tags: token.grant.tags,
    prefixes: token.grant.prefixes,
    // A node that holds the key keeps holding it, whichever token it comes back with.
    authority: known?.certificate.authority ?? false,
    notBefore: now,
    notAfter: (now + lifetimeMs) as WallTime,
  }
  const certificateBytes = signCertificate(certificate, authority)
  const { id, ephemeral } = token.grant
  ledger.putNode({ certificate, certificateBytes, token: id, ephemeral })
  if (!counted) ledger.countUse(id, request.node)
  return ok(certificateBytes)
}

/** Whether the certificate that the node has is what it asks for. */
function isAnsweredBy(known: StoredNode, request: SignedJoinRequest, now: WallTime): boolean {
  const { certificate } = known
  return (
    known.token === request.token &&
    certificate.name === request.name &&
    certificate.wireguardKey === request.wireguardKey &&
    certificate.probeKey === request.probeKey &&
    certificate.notAfter > now
  )
}

function refusalOf(token: StoredToken, counted: boolean, now: WallTime): RefusalReason | undefined {
  const { notBefore, notAfter, uses } = token.grant
  if (now >= notAfter || now + CLOCK_SKEW_MS < notBefore) return 'token-expired'
  return !counted && token.used >= uses ? 'token-used-up' : undefined
}

function nameRefusal(
  ledger: AuthorityLedger,
  grant: Grant,
  request: SignedJoinRequest,
): RefusalReason | undefined {
  if (grant.namePattern !== null && !matchesNamePattern(grant.namePattern, request.name)) {
    return 'name-not-allowed'
  }
  const holder = ledger.nodeNamed(request.name)
  const isFree = holder === undefined || holder.certificate.node === request.node
  return isFree ? undefined : 'name-taken'
}

function freeAddress(ledger: AuthorityLedger, network: Network, now: WallTime): string | undefined {
  const prefix = parsePrefix(network.ipv4Prefix)
  if (!prefix.ok) return undefined
  const taken = ledger.takenIpv4(now)
  const free = lowestFreeIpv4(prefix.value, (address) => taken.has(address))
  return free.ok ? free.value : undefined
}
