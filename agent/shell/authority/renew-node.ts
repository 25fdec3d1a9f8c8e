// SPDX-License-Identifier: Apache-2.0
import type { WallTime } from '../../../nat/clock.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { type Certificate, CERTIFICATE_LIFETIME_MS } from '../../../topology/certificate.ts'
import { signCertificate } from '../../../topology/certificate-codec.ts'
import type { Signer } from '../../../topology/crypto.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { EPHEMERAL_LIFETIME_MS } from './admit-node.ts'
import type { AuthorityLedger } from './authority-store.ts'

/** unknown-node: never admitted, or forgotten since. */
export type RenewFault = 'unknown-node'

/**
 * The same statement with a new serial and lifetime. Before half of the lifetime is over, the
 * certificate that the node has is returned, so that asking often costs nothing. Whoever asks:
 * a certificate is no secret, and of use to its node only.
 */
export function renewNode(
  ledger: AuthorityLedger,
  node: NodeId,
  authority: Signer,
  now: WallTime,
): Result<Uint8Array, RenewFault> {
  ledger.dropLapsed(now)
  const known = ledger.node(node)
  if (known === undefined) return err('unknown-node')
  if (!isRenewalDue(known.certificate, now)) return ok(known.certificateBytes)
  const lifetimeMs = known.ephemeral ? EPHEMERAL_LIFETIME_MS : CERTIFICATE_LIFETIME_MS
  const certificate: Certificate = {
    ...known.certificate,
    serial: ledger.nextSerial(now),
    notBefore: now,
    notAfter: (now + lifetimeMs) as WallTime,
  }
  const certificateBytes = signCertificate(certificate, authority)
  ledger.putNode({ ...known, certificate, certificateBytes })
  return ok(certificateBytes)
}

/** At half of the lifetime: the other half is the time in which the authority may be away. */
export function isRenewalDue(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: WallTime,
): boolean {
  return now >= notBefore + (notAfter - notBefore) / 2
}
