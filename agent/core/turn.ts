// SPDX-License-Identifier: Apache-2.0
/** TURN as this node sees it: its allocations, what they let it offer, and the paths over them to each peer. */
import type { TransportAddress } from '../../nat/address.ts'
import type { Instant, Now } from '../../nat/clock.ts'
import { relayedPaths } from '../../nat/proven-paths.ts'
import { turnPathOfId } from '../../topology/planned-path.ts'
import { turnPaths } from '../../topology/turn-route.ts'
import { RELAYED_CANDIDATES_MAX } from './constants.ts'
import type { Effect } from './effect.ts'
import { remember } from './event-log.ts'
import type { HelperState, HelperTurnServer } from './helper-contract.ts'
import { setIndirect } from './peer-paths.ts'
import { peerByHelperName, type Node, type Peer } from './state.ts'
import type { TurnServerStatus } from './status.ts'

/** Where others find this host on its servers, those named first in the configuration first. */
export function relayedAddresses(node: Node): TransportAddress[] {
  const given = node.config.turn.flatMap(({ id }) => node.helper.turn.get(id)?.relayed ?? [])
  return given.slice(0, RELAYED_CANDIDATES_MAX)
}

/** Takes over the allocations that a helper already keeps, and the paths over them that are in use. */
export function adoptTurn(node: Node, { turn, peers }: HelperState, now: Now): Effect[] {
  node.helper.turn.clear()
  for (const { publicKey, paths } of peers) {
    const peer = peerByHelperName(node, publicKey)
    for (const { id, up } of paths) {
      const path = up ? turnPathOfId(id) : undefined
      if (path !== undefined) peer?.heardOverTurn.set(path.server, path.endpoint)
    }
  }
  const effects = takeTurnServers(node, turn, now)
  updateTurnPaths(node, now.instant)
  return effects
}

/** Takes what the helper says of its allocations. Numbers alone are no news. */
export function takeTurnServers(
  node: Node,
  servers: readonly HelperTurnServer[],
  now: Now,
): Effect[] {
  return servers.flatMap((server) => takeTurnServer(node, server, now))
}

function takeTurnServer(node: Node, server: HelperTurnServer, now: Now): Effect[] {
  // The helper may still keep one that the configuration has given up.
  if (!node.config.turn.some(({ id }) => id === server.id)) return []
  const before = node.helper.turn.get(server.id)
  node.helper.turn.set(server.id, server)
  const { id, state, cause, detail, relayed } = server
  if (before?.state === state && before.cause === cause && before.relayed === relayed) return []
  if (state === 'up' && relayed !== null) {
    return [remember(node.events, { kind: 'turn-up', server: id, relayed }, now.wall)]
  }
  if (cause === null) return []
  return [remember(node.events, { kind: 'turn-down', server: id, cause, detail }, now.wall)]
}

/** A peer's probe came over a server of ours: the address that it came from is one that its NAT lets us answer to. */
export function hearOverTurn(peer: Peer, server: string, from: TransportAddress): void {
  peer.heardOverTurn.set(server, from)
}

/** Brings each peer's paths over TURN up to date. */
export function updateTurnPaths(node: Node, now: Instant): void {
  const servers = node.config.turn.map(({ id }) => {
    const known = node.helper.turn.get(id)
    return { id, isUp: known?.state === 'up', relayed: known?.relayed ?? undefined }
  })
  for (const peer of node.peers.values()) {
    const theirs = relayedPaths(peer.paths).map(({ endpoint }) => endpoint)
    const known = peer.indirect.ofKind.get('turn') ?? []
    if (servers.length === 0 && theirs.length === 0 && known.length === 0) continue
    const { candidates } = peer.record
    const paths = turnPaths({ servers, candidates, heard: peer.heardOverTurn, theirs })
    if (paths.map(({ id }) => id).join() !== known.map(({ id }) => id).join())
      setIndirect(peer.indirect, 'turn', paths, now)
  }
}

export function turnServerStatuses(node: Node): TurnServerStatus[] {
  return node.config.turn.map(({ id, url }) => {
    const known = node.helper.turn.get(id)
    return {
      id,
      url,
      state: known?.state ?? 'connecting',
      cause: known?.cause ?? null,
      detail: known?.detail ?? null,
      relayed: known?.relayed ?? null,
      rttMs: known === undefined || known.rttUs === null ? null : known.rttUs / 1000,
    }
  })
}
