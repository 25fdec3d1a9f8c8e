// SPDX-License-Identifier: Apache-2.0
/** believe: records become the view, and the view's members become peers with candidates to check. */
import { addressParts } from '../../nat/address.ts'
import type { Candidate } from '../../nat/candidate.ts'
import type { Instant, Now } from '../../nat/clock.ts'
import { offer, retry } from '../../nat/path-agent.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { NodeId } from '../../topology/identity.ts'
import { currentCertificate, isRevoked } from '../../topology/notice.ts'
import type { NodeRecord } from '../../topology/record.ts'
import { acceptRecord } from '../../topology/view.ts'
import { noteIssued } from './clock-offset.ts'
import { TWIN_CERTAIN } from './constants.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { Event } from './event.ts'
import { hexToBase64 } from './key-text.ts'
import { spareSources } from './uplinks.ts'
import { isMeshAddress, observeSelf } from './observe.ts'
import { mappedAddresses } from './port-mapping.ts'
import { adoptOwn } from './publish.ts'
import { expectExpiry } from './renewal.ts'
import { addPeer, createPeer, type Node, type Peer, removePeer } from './state.ts'

type Belief = Omit<Extract<Event, { kind: 'record' }>, 'kind'>

/** Takes a record that was verified; records from the disk were not heard. */
export function believe(node: Node, { record, envelope, heard }: Belief, now: Now): Effect[] {
  const id = record.certificate.node
  if (isRevoked(node.notices, record.certificate)) return []
  if (id === node.self) {
    if (heard || !isOwnLast(node, record)) return believeOwn(node, record, now)
    adoptOwn(node, record, envelope, now)
    return []
  }
  const verdict = acceptRecord(node.view, record, envelope)
  const known = node.peers.get(id)
  if (verdict === 'same' && known !== undefined && heard) known.heardAt ??= now.instant
  if (verdict !== 'newer') return []
  if (!record.present) {
    const left = removePeer(node, id)
    return [
      { kind: 'save-record', node: id, envelope },
      ...(left ? [tell(node, 'member-left', record, now)] : []),
    ]
  }
  const keeps = known !== undefined && hasKeys(known.record.certificate, record.certificate)
  if (!keeps && !succeeds(node, record.certificate))
    return [{ kind: 'save-record', node: id, envelope }]
  const peer = peerFor(node, record)
  const certificate = currentCertificate(node.notices, record.certificate)
  peer.record = { ...record, certificate }
  expectExpiry(node, certificate.notAfter, now)
  if (heard) peer.heardAt = now.instant
  if (heard && known !== undefined) noteIssued(peer, record.issuedAt, now.wall)
  offerRecord(node, peer, now.instant)
  return [
    { kind: 'save-record', node: id, envelope },
    ...(known === undefined && heard ? [tell(node, 'member-joined', record, now)] : []),
  ]
}

/** What this node itself said last, before it was restarted, if it still may say so. */
function isOwnLast(
  { own, lastOwnVersion, config }: Node,
  { present, version, certificate }: NodeRecord,
) {
  const isSame = certificate.serial === config.certificate.serial
  return own === undefined && present && version === lastOwnVersion && isSame
}

function tell(
  node: Node,
  kind: 'member-joined' | 'member-left',
  { certificate: { name: peer } }: NodeRecord,
  now: Now,
): Effect {
  return remember(node.events, { kind, peer }, now.wall)
}

function hasKeys(one: Certificate, other: Certificate): boolean {
  return one.wireguardKey === other.wireguardKey && one.probeKey === other.probeKey
}

function sharesKey(one: Certificate, other: Certificate): boolean {
  return one.wireguardKey === other.wireguardKey || one.probeKey === other.probeKey
}

/**
 * A member that goes on under another key keeps its addresses: of two certificates for one address the newer one
 * counts, and one for our own address is our own earlier one. False for a certificate that does not count: neither does
 * one with session keys of another member. Nobody proves that they are its own, and the helper refuses what has one twice.
 */
function succeeds(node: Node, certificate: Certificate): boolean {
  const { node: self, ipv4, serial } = certificate
  const own = node.config.certificate
  if (ipv4 === own.ipv4 || sharesKey(own, certificate)) return false
  const earlier: NodeId[] = []
  for (const [id, { record }] of node.peers) {
    const other = record.certificate
    if (id === self) continue
    if (other.ipv4 !== ipv4) {
      if (sharesKey(other, certificate)) return false
    } else if (other.serial > serial) return false
    else earlier.push(id)
  }
  for (const id of earlier) removePeer(node, id)
  return true
}

/** Offers every peer's candidates anew, after our own addresses have changed, and begins checks again. */
export function recheckPeers(node: Node, now: Instant): void {
  for (const peer of node.peers.values()) {
    offerRecord(node, peer, now)
    retry(peer.paths, now)
  }
}

/**
 * Someone has a newer record of us than we remember: our state was restored from a copy, or the clock went back. The next
 * own record must be newer still. If it happens again and again, another host runs with our keys; then we go on at the
 * usual pace, or the two would outbid each other without end.
 */
function believeOwn(node: Node, record: NodeRecord, now: Now): Effect[] {
  if (record.version <= node.lastOwnVersion) return []
  node.lastOwnVersion = record.version
  node.twin.seen += 1
  if (node.twin.seen >= TWIN_CERTAIN) {
    if (node.twin.since !== undefined) return []
    node.twin.since = now.wall
    // Once more, so that the other one can be as certain.
    node.own = undefined
    return [remember(node.events, { kind: 'twin-seen', version: record.version }, now.wall)]
  }
  node.own = undefined
  return [
    {
      kind: 'log',
      level: 'warn',
      message: 'the network knows a newer record of this node than the node itself',
      fields: { version: record.version },
    },
  ]
}

/** A member whose session keys changed is a new peer to the helper. */
function peerFor(node: Node, record: NodeRecord): Peer {
  const id = record.certificate.node
  const helperName = hexToBase64(record.certificate.wireguardKey)
  const known = node.peers.get(id)
  if (known?.helperName === helperName) return known
  const peer = createPeer(node.self, record, helperName)
  addPeer(node, peer)
  return peer
}

function offerRecord(node: Node, peer: Peer, now: Instant): void {
  const { host, mapped } = observeSelf(node)
  const forwarded = mappedAddresses(node)?.udp
  const families = new Set(host.map((address) => addressParts(address).family))
  const usable = (candidate: Candidate) =>
    families.has(addressParts(candidate.address).family) &&
    // Two sites often use the same private addresses: ours cannot be the peer's.
    !host.includes(candidate.address) &&
    !mapped.includes(candidate.address) &&
    candidate.address !== forwarded &&
    // Its path would lead through itself.
    !isMeshAddress(node, addressParts(candidate.address).ip)
  offer(peer.paths, peer.record.candidates.filter(usable), now, spareSources(node))
}
