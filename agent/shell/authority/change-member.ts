// SPDX-License-Identifier: Apache-2.0
/** What a person decides about a member, inside one transaction of the authority's store. */
import type { WallTime } from '../../../nat/clock.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import type { Certificate } from '../../../topology/certificate.ts'
import type { Signer } from '../../../topology/crypto.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { Network } from '../../../topology/network.ts'
import { signRevocation } from '../../../topology/revocation.ts'
import type { AuthorityLedger, StoredNode, StoredRevocation } from './authority-store.ts'
import { issueCertificate } from './issue-certificate.ts'

export interface ChangePowers {
  readonly network: Network
  readonly authority: Signer
  readonly now: WallTime
}

/** holds-the-authority: who is to admit others cannot be shut out by itself. */
export type ChangeFault = 'no-such-node' | 'name-taken' | 'holds-the-authority'

/** What of a certificate a person may change; undefined leaves it as it is. */
export interface MemberEdit {
  readonly name?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly prefixes?: readonly string[] | undefined
  readonly hub?: boolean | undefined
}

/** Takes back the node's certificates, its name and, once they have run out, its address. */
export function revokeNode(
  ledger: AuthorityLedger,
  node: NodeId,
  powers: ChangePowers,
): Result<StoredRevocation, ChangeFault> {
  const known = ledger.node(node)
  if (known === undefined) return err('no-such-node')
  if (known.certificate.authority) return err('holds-the-authority')
  const revocation = revokeCertificate(known.certificate, powers)
  ledger.putRevocation(revocation)
  ledger.dropNode(node)
  return ok(revocation)
}

/** Of one node's certificates this one and all before it. */
export function revokeCertificate(
  { node, name, serial, notAfter }: Certificate,
  { network, authority, now }: ChangePowers,
): StoredRevocation {
  const revocation = { network: network.id, node, serial, issuedAt: now, notAfter }
  const envelope = signRevocation(revocation, authority)
  return { node, name, notAfter, announceAt: now, envelope }
}

/** A new certificate in place of the one that the node has; it travels to it by gossip. */
export function editNode(
  ledger: AuthorityLedger,
  node: NodeId,
  edit: MemberEdit,
  { authority, now }: ChangePowers,
): Result<StoredNode, ChangeFault> {
  const known = ledger.node(node)
  if (known === undefined) return err('no-such-node')
  const { certificate, awayMs } = known
  const name = edit.name ?? certificate.name
  const holder = ledger.nodeNamed(name)
  if (holder !== undefined && holder.certificate.node !== node) return err('name-taken')
  const statement = {
    ...certificate,
    name,
    tags: edit.tags?.toSorted() ?? certificate.tags,
    prefixes: edit.prefixes?.toSorted() ?? certificate.prefixes,
    hub: edit.hub ?? certificate.hub,
  }
  const changed = { ...known, ...issueCertificate(ledger, statement, { awayMs, authority, now }) }
  ledger.putNode(changed)
  return ok(changed)
}
