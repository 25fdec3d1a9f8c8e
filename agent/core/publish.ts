// SPDX-License-Identifier: Apache-2.0
/** say: observations become this node's own signed record, sent on change and repeated as a sign of life. */
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import { UNKNOWN_NAT } from '../../nat/behaviour.ts'
import { type Instant, later, type Now } from '../../nat/clock.ts'
import { type StunServerState, stunServerStates } from '../../nat/stun-client.ts'
import { dialAddress } from '../../topology/dial-address.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import { signRecord } from '../../topology/record-codec.ts'
import { acceptRecord } from '../../topology/view.ts'
import { OWN_RECORD_HOLD_MS, RECORD_GAP_MS, RECORD_REFRESH_MS } from './constants.ts'
import { assumeOpen, openAddresses } from './dial-back.ts'
import type { Effect } from './effect.ts'
import { servesRelay } from './hubs.ts'
import { mappedAddresses } from './port-mapping.ts'
import { offeredAddresses, observeSelf } from './observe.ts'
import type { Node } from './state.ts'

type Content = Pick<
  NodeRecord,
  | 'present'
  | 'candidates'
  | 'nat'
  | 'dialAddresses'
  | 'dialPort'
  | 'stunServers'
  | 'relay'
  | 'draining'
  | 'birthdaySearch'
  | 'hubs'
>

/** Makes, keeps and publishes a new own record if there is something to say. */
export function publishOwn(node: Node, now: Now): Effect[] {
  const content = ownContent(node)
  const contentText = JSON.stringify(content)
  const due = ownRecordDue(node, contentText)
  if (due === undefined || due > now.instant) return []
  const version = Math.max(node.lastOwnVersion + 1, now.wall)
  const statement = { version, issuedAt: now.wall, ...content }
  const envelope = signRecord(statement, node.config.certificateBytes, node.powers.signer)
  const record: NodeRecord = { certificate: node.config.certificate, ...statement }
  acceptRecord(node.view, record, envelope)
  node.lastOwnVersion = version
  node.own = { record, envelope, contentText, issuedAtInstant: now.instant, heldUntil: undefined }
  // Kept before it is said: a version that was heard once must never be used for anything else.
  return [
    { kind: 'save-record', node: node.self, envelope },
    { kind: 'publish', envelope },
  ]
}

/**
 * Takes up what the node said of itself before it was restarted: until the helper has told of its links, and servers of
 * what they see, that is nearer the truth than what the node could say now.
 */
export function adoptOwn(
  node: Node,
  record: NodeRecord,
  envelope: RecordEnvelope,
  { instant }: Now,
): void {
  acceptRecord(node.view, record, envelope)
  assumeOpen(node, record.stunServers, instant)
  const heldUntil = later(instant, OWN_RECORD_HOLD_MS)
  node.own = { record, envelope, contentText: '', issuedAtInstant: instant, heldUntil }
}

/** Whether the node knows again where it is. */
function knowsItself({ helper, stun }: Node): boolean {
  const isSettled = ({ mapped, failures }: StunServerState) => mapped !== undefined || failures > 0
  return helper.connected && stunServerStates(stun).every(isSettled)
}

export function publishDeadline(node: Node): Instant | undefined {
  return ownRecordDue(node, JSON.stringify(ownContent(node)))
}

function ownRecordDue(node: Node, contentText: string): Instant | undefined {
  if (node.own === undefined) return 0 as Instant
  const { heldUntil } = node.own
  if (heldUntil !== undefined && !node.leaving && !knowsItself(node)) return heldUntil
  const changed = node.own.contentText !== contentText
  if (node.leaving && !changed) return undefined
  return later(node.own.issuedAtInstant, changed ? RECORD_GAP_MS : RECORD_REFRESH_MS)
}

function ownContent(node: Node): Content {
  const { dialPort } = node.config
  if (node.leaving) {
    return {
      present: false,
      candidates: [],
      nat: UNKNOWN_NAT,
      dialAddresses: [],
      dialPort,
      stunServers: [],
      relay: false,
      draining: false,
      birthdaySearch: false,
      hubs: [],
    }
  }
  const self = observeSelf(node)
  return {
    present: true,
    candidates: self.candidates,
    nat: self.nat,
    dialAddresses: openAddresses(node, 'tcp').map((address) => dialMultiaddr(node, address)),
    dialPort,
    stunServers: offersStun(node),
    relay: servesRelay(node),
    draining: node.draining,
    birthdaySearch: node.config.birthdaySearch,
    hubs: node.homeHubs,
  }
}

/** Whether the helper should answer STUN: as configured, or if others may reach this host, who try it by asking. */
export function servesStun(node: Node): boolean {
  const { stunServer } = node.config
  return stunServer === 'auto' ? offeredAddresses(node).length > 0 : stunServer
}

function offersStun(node: Node): readonly TransportAddress[] {
  const { stunServer } = node.config
  if (stunServer === 'auto') return openAddresses(node, 'udp')
  return stunServer ? offeredAddresses(node) : []
}

/** An advertised port stands for both protocols, a mapped one for UDP alone; a link's own address is dialled at the libp2p port. */
function dialMultiaddr(node: Node, address: TransportAddress): string {
  const { ip, port } = addressParts(address)
  return dialAddress(ip, dialPortOf(node, address, port))
}

function dialPortOf(node: Node, address: TransportAddress, port: number): number {
  if (node.config.advertise.includes(address)) return port
  const mapped = mappedAddresses(node)
  if (mapped?.udp !== address || mapped.tcp === undefined) return node.config.dialPort
  return addressParts(mapped.tcp).port
}
