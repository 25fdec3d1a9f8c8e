// SPDX-License-Identifier: Apache-2.0
import type { WallTime } from '../../../nat/clock.ts'
import { type Certificate, CERTIFICATE_LIFETIME_MS } from '../../../topology/certificate.ts'
import { signCertificate } from '../../../topology/certificate-codec.ts'
import type { Signer } from '../../../topology/crypto.ts'
import type { AuthorityLedger, StoredNode } from './authority-store.ts'

/** What `init --certificate-lifetime` sets, in milliseconds. */
export const LIFETIME_SETTING = 'certificate-lifetime-ms'

/** A statement without the serial and the lifetime that it gets when it is signed. */
export type Statement = Omit<Certificate, 'serial' | 'notBefore' | 'notAfter'>

/** With the next serial and a lifetime that begins now. Nothing is kept yet. */
export function issueCertificate(
  ledger: AuthorityLedger,
  statement: Statement,
  { awayMs, authority, now }: { awayMs: number | null; authority: Signer; now: WallTime },
): Pick<StoredNode, 'certificate' | 'certificateBytes'> {
  const notAfter = now + lifetimeMs(ledger, awayMs)
  const certificate: Certificate = {
    ...statement,
    serial: ledger.nextSerial(now),
    notBefore: now,
    // No longer than the authority itself may speak.
    notAfter: Math.min(notAfter, authority.delegation?.notAfter ?? notAfter) as WallTime,
  }
  return { certificate, certificateBytes: signCertificate(certificate, authority) }
}

/**
 * Members renew at half-life. So an ephemeral one that is gone has between one and two times what it may be away
 * left, and is forgotten by everybody alone, whether or not the authority runs.
 */
function lifetimeMs(ledger: AuthorityLedger, awayMs: number | null): number {
  const usualMs = Number(ledger.setting(LIFETIME_SETTING) ?? CERTIFICATE_LIFETIME_MS)
  return awayMs === null ? usualMs : Math.min(usualMs, 2 * awayMs)
}
