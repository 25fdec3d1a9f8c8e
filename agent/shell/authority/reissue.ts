// SPDX-License-Identifier: Apache-2.0
import type { WallTime } from '../../../nat/clock.ts'
import type { Network } from '../../../topology/network.ts'
import type { AuthorityKey } from '../state/state-dir.ts'
import { authoritySigner } from './authority-signer.ts'
import type { AuthorityStore } from './authority-store.ts'
import { issueCertificate } from './issue-certificate.ts'

/**
 * Signs every member's certificate anew, because the key or its right has changed: whoever runs hears of it as a notice, and
 * depends on the earlier key no more. How many.
 */
export function reissueAll(
  store: AuthorityStore,
  key: AuthorityKey,
  { network, now }: { readonly network: Network; readonly now: WallTime },
): Promise<number> {
  const authority = authoritySigner(key, network)
  return store.transact((ledger) => {
    const members = ledger
      .nodes()
      .filter(({ certificate }) => ledger.revocation(certificate.node) === undefined)
    for (const { certificate, awayMs, token, askedAt } of members) {
      const issued = issueCertificate(ledger, certificate, { awayMs, authority, now })
      ledger.putNode({ ...issued, awayMs, token, askedAt })
    }
    return members.length
  })
}
