// SPDX-License-Identifier: Apache-2.0
/** One way for ciphertext to reach a peer, as a plan names it. Its id is the helper's name for it, too. */
import { parseTransportAddress, type TransportAddress } from '../nat/address.ts'
import { type DirectWay, wayFrom, wayKey } from '../nat/direct-way.ts'
import { PATH_KINDS, type PathKind } from '../nat/path-kind.ts'
import type { RelayRoute } from './relay-route.ts'

interface Named<K extends PathKind> {
  /** Its kind, and what tells it from others of the peer; at most 96 bytes. */
  readonly id: string
  readonly kind: K
}

export type DirectPath = Named<'direct'> & DirectWay

export type RelayPath = Named<'relay'> & {
  readonly via: RelayRoute
  /** Whether one of the ends reaches its hub over a TURN server only. */
  readonly overTurn: boolean
}

export type TurnPath = Named<'turn'> & {
  /** Id of our server that packets leave over; null: they go straight to what the peer's server gave to the peer. */
  readonly server: string | null
  readonly endpoint: TransportAddress
}

/** There is one data channel to a peer, and only who holds it knows where it leads. */
export type ChannelPath = Named<'channel'>

export type PlannedPath = DirectPath | RelayPath | TurnPath | ChannelPath

/** Paths that lead over somebody else. */
export type IndirectPath = Exclude<PlannedPath, DirectPath>

export function directPath({ endpoint, socket, source }: DirectWay): DirectPath {
  const way = socket === undefined ? wayFrom(endpoint, source) : { endpoint, socket }
  return { id: `direct:${wayKey(way)}`, kind: 'direct', ...way }
}

/** So many digits of each hub that nobody finds a key which makes two hubs look alike. */
export function relayPath(via: RelayRoute, { overTurn = false } = {}): RelayPath {
  const id = `relay:${via.map((hub) => hub.slice(0, 32)).join('+')}`
  return { id, kind: 'relay', via, overTurn }
}

export const CHANNEL_PATH: ChannelPath = { id: 'channel', kind: 'channel' }

export function turnPath(server: string | null, endpoint: TransportAddress): TurnPath {
  return { id: `turn:${server ?? ''}>${endpoint}`, kind: 'turn', server, endpoint }
}

/**
 * Negative if path `a` is wanted more: in order of kinds, but for hubs that are reached over a TURN server. They add a member
 * to a way that leads over that server anyway, and are for peers to whom the server alone does not lead.
 */
export function comparePlannedPaths(a: PlannedPath, b: PlannedPath): number {
  return rankOf(a) - rankOf(b)
}

function rankOf(path: PlannedPath): number {
  const isBehindTurn = path.kind === 'relay' && path.overTurn
  return isBehindTurn ? PATH_KINDS.indexOf('turn') + 0.5 : PATH_KINDS.indexOf(path.kind)
}

/** The path over a server of ours that has this id: a helper tells it to an agent that has forgotten. */
export function turnPathOfId(id: string): (TurnPath & { readonly server: string }) | undefined {
  const [, server, address] = /^turn:([^>]+)>(.+)$/.exec(id) ?? []
  const endpoint = parseTransportAddress(address ?? '')
  if (server === undefined || !endpoint.ok) return undefined
  return { ...turnPath(server, endpoint.value), server }
}
