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
import { CLOCK_SKEW_MS } from '../../../topology/certificate.ts'
import type { Crypto, Signer } from '../../../topology/crypto.ts'
import type { Grant } from '../../../topology/grant.ts'
import { matchesNamePattern } from '../../../topology/host-name.ts'
import type { RefusalReason } from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import { ipv6AddressOf, lowestFreeIpv4 } from '../../../topology/overlay-address.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import type { AuthorityLedger, StoredNode, StoredToken } from './authority-store.ts'
import { issueCertificate } from './issue-certificate.ts'
import { keysRefusal } from './session-keys.ts'

/** What `init --approve` sets: a person says yes to every host. */
export const APPROVE_SETTING = 'approve'

/** Hosts that may wait for a person at once. */
const CANDIDATES_MAX = 1_000

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
  if (ledger.revocation(request.node) !== undefined) return err('revoked')
  ledger.dropLapsed(now)
  const known = ledger.node(request.node)
  const counted = ledger.wasAdmitted(request.token, request.node)
  if (counted && known !== undefined && isAnsweredBy(known, request, now)) {
    return ok(known.certificateBytes)
  }
  const refusal =
    refusalOf(token, counted, now) ??
    nameRefusal(ledger, token.grant, request) ??
    keysRefusal(ledger, request.node, request)
  if (refusal !== undefined) return err(refusal)
  const unapproved = known === undefined ? approvalRefusal(ledger, attempt) : undefined
  if (unapproved !== undefined) return err(unapproved)
  const ipv4 = known?.certificate.ipv4 ?? freeAddress(ledger, network, now)
  if (ipv4 === undefined) return err('address-plan-full')
  const { id, awayMs, tags, prefixes, hub } = token.grant
  const statement = {
    network: network.id,
    node: request.node,
    wireguardKey: request.wireguardKey,
    probeKey: request.probeKey,
    name: request.name,
    ipv4,
    ipv6: known?.certificate.ipv6 ?? ipv6AddressOf(network.id, request.node, crypto),
    tags,
    prefixes,
    hub,
    // A node that holds the key keeps holding it, whichever token it comes back with.
    authority: known?.certificate.authority ?? false,
  }
  const issued = issueCertificate(ledger, statement, { awayMs, authority, now })
  ledger.putNode({ ...issued, token: id, awayMs, askedAt: request.issuedAt })
  ledger.dropCandidate(request.node)
  if (!counted) ledger.countUse(id, request.node)
  return ok(issued.certificateBytes)
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

/** In a network in which a person says yes: asks for it once, and lets in who has it. */
function approvalRefusal(
  ledger: AuthorityLedger,
  { request, now }: AdmissionAttempt,
): RefusalReason | undefined {
  if (ledger.setting(APPROVE_SETTING) === undefined) return undefined
  const candidate = ledger.candidate(request.node)
  if (candidate?.state === 'approved' && candidate.name === request.name) return undefined
  if (candidate?.state === 'refused') return 'not-approved'
  if (candidate?.name !== request.name) {
    const full = candidate === undefined && ledger.candidates().length >= CANDIDATES_MAX
    if (full) return 'not-approved'
    const { node, name, token } = request
    ledger.putCandidate({ node, name, token, askedAt: now, state: 'waiting' })
  }
  return 'awaiting-approval'
}

function freeAddress(ledger: AuthorityLedger, network: Network, now: WallTime): string | undefined {
  const prefix = parsePrefix(network.ipv4Prefix)
  if (!prefix.ok) return undefined
  const taken = ledger.takenIpv4(now)
  const free = lowestFreeIpv4(prefix.value, (address) => taken.has(address))
  return free.ok ? free.value : undefined
}
