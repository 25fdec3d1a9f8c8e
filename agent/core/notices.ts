// SPDX-License-Identifier: Apache-2.0
/** What the authority says without being asked: who is out, and what a member may do from now on. */
import type { Now } from '../../nat/clock.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { NodeId } from '../../topology/identity.ts'
import { isSignedUnder, type Withdrawal } from '../../topology/delegation.ts'
import {
  acceptNotice,
  currentCertificate,
  dropWithdrawn,
  isRevoked,
  type Notice,
} from '../../topology/notice.ts'
import { recordCertificate } from '../../topology/record-codec.ts'
import type { Revocation } from '../../topology/revocation.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import { type Node, removePeer } from './state.ts'

/** Takes a notice whose signature was verified. */
export function takeNotice(node: Node, notice: Notice, now: Now): Effect[] {
  if (acceptNotice(node.notices, notice) !== 'newer') return []
  return [{ kind: 'save-notices' }, ...consequences(node, notice, now)]
}

function consequences(node: Node, notice: Notice, now: Now): Effect[] {
  switch (notice.kind) {
    case 'revocation':
      return revoke(node, notice.revocation, now)
    case 'certificate':
      return replaceCertificate(node, notice, now)
    case 'withdrawal':
      return withdraw(node, notice.withdrawal, now)
    case 'policy': {
      const { serial, rules } = notice.policy
      return [
        remember(node.events, { kind: 'policy-changed', serial, rules: rules.length }, now.wall),
      ]
    }
  }
}

/** This node's own certificate from now on, if it is newer and for the keys that the node has. */
export function takeOwnCertificate(
  node: Node,
  certificate: Certificate,
  envelope: Uint8Array,
  now: Now,
): Effect[] {
  const own = node.config.certificate
  const isNext =
    certificate.serial > own.serial &&
    certificate.wireguardKey === own.wireguardKey &&
    certificate.probeKey === own.probeKey
  if (!isNext) return []
  node.config = { ...node.config, certificate, certificateBytes: envelope }
  // The next record carries it.
  node.own = undefined
  const { serial } = certificate
  const notAfter = new Date(certificate.notAfter).toISOString()
  return [
    { kind: 'save-certificate', envelope },
    remember(node.events, { kind: 'certificate-replaced', serial, notAfter }, now.wall),
  ]
}

/** Whether the authority has taken this node's own certificate back. */
export function isShutOut(node: Node): boolean {
  return isRevoked(node.notices, node.config.certificate)
}

/** Forgets a member: its record, and with it the plan's peer. Links to it are closed. */
export function forgetMember(
  node: Node,
  id: NodeId,
  why: 'revoked' | 'expired',
  now: Now,
): Effect[] {
  const name = node.peers.get(id)?.record.certificate.name
  const known = node.view.entries.delete(id)
  removePeer(node, id)
  if (!known) return [{ kind: 'hang-up', node: id }]
  return [
    { kind: 'hang-up', node: id },
    remember(node.events, { kind: `member-${why}`, peer: name ?? id }, now.wall),
  ]
}

function revoke(node: Node, { node: id, serial }: Revocation, now: Now): Effect[] {
  if (id === node.self) {
    if (!isShutOut(node)) return []
    return [remember(node.events, { kind: 'revoked', serial }, now.wall)]
  }
  const held = node.view.entries.get(id)
  // Somebody who came back with a newer certificate is in.
  if (held !== undefined && held.record.certificate.serial > serial) return []
  return forgetMember(node, id, 'revoked', now)
}

/**
 * What the delegated authority has said does not count any more: members that have nothing but its certificates are let
 * go until they show one of another authority's, and those that only it had shut out may come back.
 */
function withdraw(node: Node, withdrawal: Withdrawal, now: Now): Effect[] {
  const { key, serial } = withdrawal
  dropWithdrawn(node.notices, withdrawal)
  const told = remember(node.events, { kind: 'authority-withdrawn', key }, now.wall)
  const dismissed = [...node.view.entries].filter(([id, { record, envelope }]) => {
    const sealed = recordCertificate(envelope.bytes)
    if (id === node.self || sealed === undefined || !isSignedUnder(sealed, key, serial))
      return false
    return currentCertificate(node.notices, record.certificate) === record.certificate
  })
  return [told, ...dismissed.flatMap(([id]) => forgetMember(node, id, 'revoked', now))]
}

function replaceCertificate(
  node: Node,
  { certificate, envelope }: Extract<Notice, { kind: 'certificate' }>,
  now: Now,
): Effect[] {
  if (certificate.node === node.self) return takeOwnCertificate(node, certificate, envelope, now)
  const peer = node.peers.get(certificate.node)
  if (peer === undefined) return []
  // What it may do counts from now on, whether or not the member itself has heard of it.
  const current = currentCertificate(node.notices, peer.record.certificate)
  peer.record = { ...peer.record, certificate: current }
  return []
}
