// SPDX-License-Identifier: Apache-2.0
import type { WallTime } from '../../../nat/clock.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { type Certificate, isRenewalDue } from '../../../topology/certificate.ts'
import type { Signer } from '../../../topology/crypto.ts'
import type { RefusalReason } from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import type { RenewalRequest } from '../../../topology/renewal.ts'
import type { AuthorityLedger, StoredNode } from './authority-store.ts'
import { revokeCertificate } from './change-member.ts'
import { issueCertificate } from './issue-certificate.ts'
import { keysRefusal } from './session-keys.ts'

/** The members should know the node under its next key before they forget the one that it had. */
const SUCCESSION_MS = 20_000

export interface RenewalAttempt {
  readonly request: RenewalRequest
  readonly network: Network
  readonly authority: Signer
  readonly now: WallTime
}

/**
 * The member's next certificate. Before half of the lifetime is over, and with the keys that it has, that is the
 * certificate which the authority last made for it, so that asking often costs nothing.
 */
export function renewNode(
  ledger: AuthorityLedger,
  { request, network, authority, now }: RenewalAttempt,
): Result<Uint8Array, RefusalReason> {
  if (request.network !== network.id) return err('wrong-network')
  ledger.dropLapsed(now)
  const moved = request.successor === null ? undefined : ledger.node(request.successor)
  // A reply that was lost is asked for again, and the node has gone on under its new key meanwhile.
  if (moved !== undefined && hasKeys(moved.certificate, request)) return ok(moved.certificateBytes)
  if (moved !== undefined) return err('stale-request')
  if (ledger.revocation(request.node) !== undefined) return err('revoked')
  const known = ledger.node(request.node)
  if (known === undefined) return err('not-a-member')
  const keepsKeys = request.successor === null && hasKeys(known.certificate, request)
  if (keepsKeys && !isRenewalDue(known.certificate, now)) return ok(known.certificateBytes)
  // Who repeats an old request of the node's must not bring back keys that it has given up.
  if (!keepsKeys && request.issuedAt <= known.askedAt) return err('stale-request')
  const refusal = keysRefusal(ledger, request.node, request)
  if (refusal !== undefined) return err(refusal)
  return ok(issueNext(ledger, known, { request, network, authority, now }))
}

function hasKeys(
  certificate: Certificate,
  { wireguardKey, probeKey }: Pick<RenewalRequest, 'wireguardKey' | 'probeKey'>,
): boolean {
  return certificate.wireguardKey === wireguardKey && certificate.probeKey === probeKey
}

function issueNext(
  ledger: AuthorityLedger,
  known: StoredNode,
  { request, network, authority, now }: RenewalAttempt,
): Uint8Array {
  const { wireguardKey, probeKey, successor, issuedAt } = request
  const node = successor ?? known.certificate.node
  const statement = { ...known.certificate, node, wireguardKey, probeKey }
  const { awayMs } = known
  const issued = issueCertificate(ledger, statement, { awayMs, authority, now })
  const next = { ...known, ...issued, askedAt: issuedAt }
  if (successor === null) ledger.putNode(next)
  else {
    ledger.replaceNode(known.certificate.node, next)
    const revocation = revokeCertificate(known.certificate, { network, authority, now })
    const announceAt = (now + SUCCESSION_MS) as WallTime
    ledger.putRevocation({ ...revocation, announceAt })
  }
  return issued.certificateBytes
}
