// SPDX-License-Identifier: Apache-2.0
/** What stands in the ledger, as a person and `--json` see it. */
import type { WallTime } from '../../../nat/clock.ts'
import type { MemberReport, NodeReport, TokenReport } from './admin-desk.ts'
import type { AuthorityLedger, Candidate, StoredNode, StoredToken } from './authority-store.ts'

export function tokenReport({ grant, used, revoked, createdAt }: StoredToken, now: WallTime) {
  const { id, uses, namePattern, tags, prefixes, awayMs, hub } = grant
  return {
    id,
    state: revoked
      ? 'revoked'
      : used >= uses
        ? 'used up'
        : now >= grant.notAfter
          ? 'expired'
          : 'valid',
    used,
    uses,
    created: timeText(createdAt),
    expires: timeText(grant.notAfter),
    namePattern,
    tags,
    prefixes,
    awayMs,
    hub,
  } satisfies TokenReport
}

export function memberReport(
  { certificate, token, awayMs }: StoredNode,
  now: WallTime,
): MemberReport {
  return {
    name: certificate.name,
    node: certificate.node,
    state: now >= certificate.notAfter ? 'expired' : 'member',
    addresses: [certificate.ipv4, certificate.ipv6],
    tags: certificate.tags,
    prefixes: certificate.prefixes,
    hub: certificate.hub,
    authority: certificate.authority,
    awayMs,
    token,
    serial: certificate.serial,
    notBefore: timeText(certificate.notBefore),
    notAfter: timeText(certificate.notAfter),
  }
}

export function everybody(ledger: AuthorityLedger, now: WallTime): NodeReport[] {
  const nobody = { addresses: [], tags: [], prefixes: [] }
  const revoked = ledger.revocations().map(({ node, name, notAfter }) => ({
    name,
    node,
    state: 'revoked' as const,
    ...nobody,
    notAfter: timeText(notAfter),
  }))
  const waiting = ledger.candidates().map(({ node, name, state }: Candidate) => ({
    name,
    node,
    state: state === 'refused' ? ('not approved' as const) : state,
    ...nobody,
    notAfter: null,
  }))
  return [...ledger.nodes().map((node) => memberReport(node, now)), ...waiting, ...revoked]
}

export function timeText(at: WallTime): string {
  return new Date(at).toISOString()
}
