// SPDX-License-Identifier: Apache-2.0
import type { Certificate } from '../../../topology/certificate.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { RefusalReason } from '../../../topology/join-reply.ts'
import type { AuthorityLedger } from './authority-store.ts'

/**
 * A node does not prove that the session keys it names are its own. With another member's it could read nothing, but that
 * member could no longer be told from it: no key is certified for two.
 */
export function keysRefusal(
  ledger: AuthorityLedger,
  node: NodeId,
  { wireguardKey, probeKey }: Pick<Certificate, 'wireguardKey' | 'probeKey'>,
): RefusalReason | undefined {
  const isTaken = ledger
    .nodes()
    .some(
      ({ certificate: other }) =>
        other.node !== node && (other.wireguardKey === wireguardKey || other.probeKey === probeKey),
    )
  return isTaken ? 'keys-taken' : undefined
}
