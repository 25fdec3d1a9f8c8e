// SPDX-License-Identifier: Apache-2.0
/** What a node shows of itself and its peers. Reads state, changes nothing. */
import type { Now } from '../../nat/clock.ts'
import type { NodeId } from '../../topology/identity.ts'
import { clockOf } from './clock-offset.ts'
import { FAILED_AFTER_MS, SUSPECT_AFTER_MS } from './constants.ts'
import { swimLife } from './liveness.ts'
import { partitionOf } from './partition.ts'
import { isShutOut } from './notices.ts'
import { observeSelf } from './observe.ts'
import { type Explainer, explainer } from './pair-facts.ts'
import { portMappingStatus, whyNoPortMapping } from './port-mapping.ts'
import { isReached } from './peer-paths.ts'
import type { Node, Peer } from './state.ts'
import { turnServerStatuses } from './turn.ts'
import { peerMtu } from './peer-mtu.ts'
import { NO_PATH, pathStatuses } from './path-status.ts'
import { spareSources } from './uplinks.ts'
import type { Liveness, PeerStatus, SelfStatus, Status, SwitchStatus } from './status.ts'

export function statusOf(node: Node, now: Now): Status {
  const explain = explainer(node)
  const peers = [...node.peers.values()].map((peer) => peerStatus(node, peer, explain, now))
  return { self: selfStatus(node, now), peers: peers.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

function selfStatus(node: Node, now: Now): SelfStatus {
  const { certificate, network, interfaceName, listenPort } = node.config
  const self = observeSelf(node)
  const nameOf = (id: string) =>
    [...node.peers.values()].find((peer) => peer.node === id)?.record.certificate.name ?? id
  return {
    name: certificate.name,
    nodeId: certificate.node,
    network: network.name,
    networkId: network.id,
    addresses: [certificate.ipv4, certificate.ipv6],
    tags: certificate.tags,
    interface: interfaceName,
    listenPort,
    nat: {
      ...self.nat,
      mapped: self.mapped,
      portMapping: portMappingStatus(node, now),
      whyNoPortMapping: whyNoPortMapping(node),
    },
    spareUplinks: spareSources(node),
    turnServers: turnServerStatuses(node),
    names: node.helper.names,
    dialAddresses: node.own?.record.dialAddresses ?? [],
    authority: certificate.authority,
    authorityQuorum: node.authorityQuorum ?? null,
    certificateNotAfter: new Date(certificate.notAfter).toISOString(),
    partition: partitionOf(node, (peer) => livenessOf(node, peer, now), now),
    clock: clockOf(node),
    twinSince: node.twin.since === undefined ? null : new Date(node.twin.since).toISOString(),
    membership: membershipOf(node, now),
    helper: {
      connected: node.helper.connected,
      engine: node.helper.engine ?? null,
      restored: node.helper.restored ?? null,
      takeover: node.helper.takeover,
      engineReason: node.helper.engineReason ?? null,
      problem: node.helper.problem ?? null,
    },
    neighbours: [...node.neighbours].map(nameOf).sort(),
  }
}

function membershipOf(node: Node, now: Now): SelfStatus['membership'] {
  if (isShutOut(node)) return 'revoked'
  return node.config.certificate.notAfter > now.wall ? 'valid' : 'expired'
}

function peerStatus(node: Node, peer: Peer, explain: Explainer, now: Now): PeerStatus {
  const { certificate, nat } = peer.record
  const [path = NO_PATH, ...backups] = pathStatuses(node, peer)
  return {
    name: certificate.name,
    nodeId: peer.node,
    addresses: [certificate.ipv4, certificate.ipv6],
    tags: certificate.tags,
    liveness: livenessOf(node, peer, now),
    hub: peer.record.relay,
    homeHubs: peer.record.hubs.map((hub) => memberName(node, hub)),
    path,
    backups,
    lastSwitch: lastSwitchOf(peer),
    switches: peer.switches,
    switchCauses: Object.fromEntries(peer.switchCauses),
    why: explain(peer, path).sentence,
    nat,
    mtu: peerMtu(node, peer),
    rxBytes: peer.stats?.rxBytes ?? 0,
    txBytes: peer.stats?.txBytes ?? 0,
    lastHandshakeMs: peer.stats?.lastHandshakeMs ?? null,
    sessionRttMs: toMs(peer.stats?.session.rttUs ?? null),
  }
}

function memberName(node: Node, id: NodeId): string {
  const own = node.config.certificate
  return id === own.node ? own.name : (node.peers.get(id)?.record.certificate.name ?? id)
}

function lastSwitchOf({ lastSwitch }: Peer): SwitchStatus | null {
  if (lastSwitch === undefined) return null
  const { time, from, to, cause, gapMs } = lastSwitch
  return { time, from, to, cause, gapMs }
}

/** Any sign counts: a round trip inside the session, a path that answers, or a fresh record. */
export function livenessOf(node: Node, peer: Peer, now: Now): Liveness {
  if (isReached(peer)) return 'alive'
  const life = swimLife(node, peer)
  if (life !== undefined) return life
  const signs = [peer.sessionAt, peer.heardAt].filter((at) => at !== undefined)
  if (signs.length === 0) return 'unknown'
  const silentMs = now.instant - Math.max(...signs)
  if (silentMs < SUSPECT_AFTER_MS) return 'alive'
  return silentMs < FAILED_AFTER_MS ? 'suspect' : 'failed'
}

function toMs(us: number | null): number | null {
  return us === null ? null : us / 1000
}
