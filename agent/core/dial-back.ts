// SPDX-License-Identifier: Apache-2.0
/**
 * Whether others really reach this host where it seems that they could. A global address says nothing: a firewall may let in
 * only answers. So other members try, from ports to which nothing was ever sent, before this host offers itself for
 * dialling, as STUN server, or as hub.
 *
 * ```
 * new address --> untested --a member has tried--> open, or shut for UDP, TCP or both --after a while--> tried again
 *                    |  \--nobody could be asked for a while--> taken for open
 *                    \-- it was offered before a restart, or the node knows nobody --> taken for open, and tried
 * ```
 * One member's own network may be what drops, so of several two must have failed. What the configuration names is believed.
 */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { earliest, type Instant, later, type Now } from '../../nat/clock.ts'
import type { DoorTried } from '../../topology/ask-frame.ts'
import type { NodeId } from '../../topology/identity.ts'
import {
  DIAL_BACK_ANSWER_MS,
  DIAL_BACK_PATIENCE_MS,
  DIAL_BACK_REPEAT_MS,
  DIAL_BACK_RETRY_MS,
} from './constants.ts'
import type { Effect } from './effect.ts'
import type { DoorReport } from './netcheck.ts'
import { offeredAddresses } from './observe.ts'
import { mappedAddresses } from './port-mapping.ts'
import type { Trial } from './state/dial-back.ts'
import type { Node, Peer } from './state.ts'

export type Protocol = 'udp' | 'tcp'

/** Where others reach this host over a protocol, as far as is known. */
export function openAddresses(node: Node, protocol: Protocol): TransportAddress[] {
  const { verdicts } = node.dialBack
  return offeredAddresses(node).filter(
    (address) => isBelieved(node, address) || verdicts.get(address)?.[protocol] === true,
  )
}

/** Every address at which others might reach this host, and who has found out what. */
export function doorReports(node: Node): DoorReport[] {
  return offeredAddresses(node).flatMap((address): DoorReport[] => {
    if (isBelieved(node, address))
      return [{ address, udp: true, tcp: true, known: 'configured', by: [] }]
    const verdict = node.dialBack.verdicts.get(address)
    if (verdict === undefined)
      return [{ address, udp: false, tcp: false, known: 'untried', by: [] }]
    const { udp, tcp, by } = verdict
    const known = by.length === 0 ? 'assumed' : 'tried'
    return [{ address, udp, tcp, known, by: by.map((id) => nameOf(node, id)) }]
  })
}

/** Holds until somebody has tried. */
export function assumeOpen(
  node: Node,
  addresses: readonly TransportAddress[],
  againAt: Instant,
): void {
  const { verdicts } = node.dialBack
  for (const address of addresses)
    if (!verdicts.has(address) && !isBelieved(node, address))
      verdicts.set(address, { udp: true, tcp: true, by: [], againAt })
}

/** Asks the next member to try, if it is time. */
export function dialBackEffects(node: Node, now: Now): Effect[] {
  const state = node.dialBack
  const offered = offeredAddresses(node)
  for (const address of state.verdicts.keys())
    if (!offered.includes(address)) state.verdicts.delete(address)
  if (!node.helper.connected || node.leaving) return []
  // Who knows nobody misleads nobody, and must be found by the first to come.
  if (node.peers.size === 0) assumeOpen(node, offered, now.instant)
  const trial = currentTrial(node, offered, now.instant)
  if (trial === undefined) return []
  const { address, waiting, failure } = trial
  if (waiting !== undefined && waiting.until > now.instant) return []
  trial.waiting = undefined
  const of = nextTester(node, trial)
  if (of !== undefined) {
    trial.asked.add(of)
    trial.waiting = { of, until: later(now.instant, DIAL_BACK_ANSWER_MS) }
    return [{ kind: 'ask-to-dial', to: of, udp: address, tcp: tcpAddress(node, address) }]
  }
  if (failure !== undefined) return settle(node, trial, failure, [failure.by], now)
  if (later(trial.since, DIAL_BACK_PATIENCE_MS) > now.instant) return []
  // Nobody can tell, so what was thought before, or hoped, holds for now.
  const before = state.verdicts.get(address) ?? { udp: true, tcp: true, by: [] }
  state.verdicts.set(address, { ...before, againAt: later(now.instant, DIAL_BACK_RETRY_MS) })
  state.trial = undefined
  return []
}

/** A member has tried; undefined if it did not say. */
export function takeDialBack(
  node: Node,
  from: NodeId,
  result: DoorTried | undefined,
  now: Now,
): Effect[] {
  const { trial } = node.dialBack
  if (trial?.waiting?.of !== from) return []
  trial.waiting = undefined
  if (result === undefined) return []
  if (result.udp && result.tcp) return settle(node, trial, result, [from], now)
  const { failure } = trial
  if (failure !== undefined) return settle(node, trial, result, [failure.by, from], now)
  trial.failure = { ...result, by: from }
  return []
}

/** Another network: all is tried anew. */
export function restartDialBack(node: Node, now: Instant): void {
  const { verdicts } = node.dialBack
  node.dialBack.trial = undefined
  for (const [address, verdict] of verdicts) verdicts.set(address, { ...verdict, againAt: now })
}

export function dialBackDeadline(node: Node): Instant | undefined {
  const { trial, verdicts } = node.dialBack
  if (!node.helper.connected || node.leaving) return undefined
  if (trial !== undefined) return trial.waiting?.until ?? later(trial.since, DIAL_BACK_PATIENCE_MS)
  if (node.neighbours.size === 0) return undefined
  return earliest([...verdicts.values()].map(({ againAt }) => againAt))
}

function currentTrial(
  node: Node,
  offered: readonly TransportAddress[],
  now: Instant,
): Trial | undefined {
  const state = node.dialBack
  if (state.trial !== undefined && !offered.includes(state.trial.address)) state.trial = undefined
  if (state.trial !== undefined) return state.trial
  const address = offered.find((one) => {
    const verdict = state.verdicts.get(one)
    if (isBelieved(node, one)) return false
    return verdict === undefined || (verdict.againAt <= now && node.neighbours.size > 0)
  })
  if (address === undefined) return undefined
  const nothing = { waiting: undefined, failure: undefined }
  state.trial = { address, since: now, asked: new Set(), ...nothing }
  return state.trial
}

function settle(
  node: Node,
  { address }: Trial,
  { udp, tcp }: DoorTried,
  by: readonly NodeId[],
  now: Now,
): Effect[] {
  const { verdicts } = node.dialBack
  const before = verdicts.get(address)
  const isOpen = udp && tcp
  const againAt = later(now.instant, isOpen ? DIAL_BACK_REPEAT_MS : DIAL_BACK_RETRY_MS)
  verdicts.set(address, { udp, tcp, by, againAt })
  node.dialBack.trial = undefined
  const isKnown = before !== undefined && before.by.length > 0
  if (isKnown && before.udp === udp && before.tcp === tcp) return []
  const names = by.map((id) => nameOf(node, id)).join(', ')
  const message = isOpen ? 'others reach this host' : 'others do not reach this host'
  return [{ kind: 'log', level: 'info', message, fields: { address, udp, tcp, by: names } }]
}

function nameOf(node: Node, id: NodeId): string {
  return node.peers.get(id)?.record.certificate.name ?? id
}

/** What the configuration names is the operator's word. */
function isBelieved({ config }: Node, address: TransportAddress): boolean {
  return config.advertise.includes(address)
}

/** A neighbour that can say something of the address: of its family, and not at the same site. */
function nextTester(node: Node, { address, asked }: Trial): NodeId | undefined {
  const { ip, family } = addressParts(address)
  const canTell = ({ record: { candidates, nat } }: Peer) =>
    nat.mapping !== 'udp-blocked' &&
    candidates.some((candidate) => addressParts(candidate.address).family === family) &&
    !candidates.some((candidate) => addressParts(candidate.address).ip === ip)
  for (const id of [...node.neighbours].sort()) {
    const peer = node.peers.get(id)
    if (peer !== undefined && !asked.has(id) && canTell(peer)) return id
  }
  return undefined
}

/** Where the control plane listens for those who find this host at the UDP address. */
function tcpAddress(node: Node, udp: TransportAddress): TransportAddress {
  const mapped = mappedAddresses(node)
  if (mapped?.udp === udp && mapped.tcp !== undefined) return mapped.tcp
  const tcp = transportAddress(addressParts(udp).ip, node.config.dialPort)
  return tcp.ok ? tcp.value : udp
}
