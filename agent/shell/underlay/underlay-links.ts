// SPDX-License-Identifier: Apache-2.0
import type { Connection, Libp2p } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { delay } from '../clock.ts'
import type { SupervisorTarget } from './supervisor.ts'
import type { Members } from './underlay-members.ts'
import { DIAL_TIMEOUT_MS, peerIdOf } from './underlay-node.ts'

/** How long a connection may stand before its peer is a member or is joining. */
const STRANGER_MS = 5_000
const STRANGER_CHECK_MS = 1_000
const STRANGERS_MAX = 64
const ADDRESSES_MAX = 8
/** Somebody waits at a terminal for what a visit brings. */
const VISIT_DIAL_MS = 3_000

/** One attempt to make a node a neighbour. Never rejects. */
export async function dialMember(
  node: Libp2p,
  members: Members,
  target: SupervisorTarget,
  stopped: AbortSignal,
): Promise<void> {
  const peer = peerIdOf(target.node)
  // The peer id in the address is what Noise must prove.
  const addresses = target.dialAddresses
    .slice(0, ADDRESSES_MAX)
    .flatMap((text) => parseMultiaddr(`${text}/p2p/${peer.toString()}`) ?? [])
  if (addresses.length === 0) return
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
  // Also beside a connection that stands: it may be one that rides a tunnel.
  const connection = await node.dial(addresses, { signal, force: true }).catch(() => undefined)
  if (connection === undefined) return
  const waited = new AbortController()
  const limit = AbortSignal.any([stopped, waited.signal])
  // A dial that resolves says nothing: the other side may be closing already.
  await Promise.race([members.whenMember(connection, target.node), delay(STRANGER_MS, limit)])
  waited.abort()
}

/**
 * Runs `use` over the connection to a member that stands, or else over one that is dialled for it and closed afterwards,
 * unless it has become the only link of all. Undefined if there is none to be had.
 */
export async function visit<T>(
  node: Libp2p,
  members: Members,
  target: SupervisorTarget,
  use: (connection: Connection) => Promise<T>,
): Promise<T | undefined> {
  const standing = members.connectionTo(target.node)
  if (standing !== undefined) return use(standing)
  await dialMember(node, members, target, AbortSignal.timeout(VISIT_DIAL_MS))
  const made = members.connectionTo(target.node)
  if (made === undefined) return undefined
  const result = await use(made)
  const isNeeded = members.nodes().length === 1
  if (!isNeeded && made.direction === 'outbound') await made.close().catch(() => undefined)
  return result
}

/** The control plane must not ride the tunnels that it repairs, whatever a record or a token says. */
export function withoutMesh(
  target: SupervisorTarget,
  isMeshAddress: (ip: string) => boolean,
): SupervisorTarget {
  const dialAddresses = target.dialAddresses.filter((text) => {
    const [, , ip = ''] = text.split('/')
    return !isMeshAddress(ip)
  })
  return { ...target, dialAddresses }
}

export interface StrangerGuard {
  isMember(connection: Connection): boolean
  isJoining(connection: Connection): boolean
}

/** Closes a connection that does not become a member's in time, or one too many of such. */
export function guardStrangers(node: Libp2p, connection: Connection, guard: StrangerGuard): void {
  const isStranger = (on: Connection) => !guard.isMember(on) && !guard.isJoining(on)
  const close = () => connection.abort(new Error('not a member'))
  if (node.getConnections().filter(isStranger).length > STRANGERS_MAX) return close()
  const sinceMs = performance.now()
  const timer = setInterval(() => {
    const isOver = connection.status !== 'open' || guard.isMember(connection)
    if (isOver) return clearInterval(timer)
    if (performance.now() - sinceMs >= STRANGER_MS && isStranger(connection)) close()
  }, STRANGER_CHECK_MS)
  timer.unref()
}

function parseMultiaddr(text: string): Multiaddr | undefined {
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}
