// SPDX-License-Identifier: Apache-2.0
/**
 * Everything a node knows. One step at a time changes it; nothing else does.
 */
import type { TransportAddress } from '../../nat/address.ts'
import type { Instant, WallTime } from '../../nat/clock.ts'
import { createPathAgent, type PathAgent } from '../../nat/path-agent.ts'
import type { PathMtu } from '../../nat/path-mtu.ts'
import { createPortMapping, type PortMapping } from '../../nat/port-mapping.ts'
import type { Uplinks } from './state/uplinks.ts'
import { createStunClient, type StunClient } from '../../nat/stun-client.ts'
import type { NodeId } from '../../topology/identity.ts'
import { createNoticeSet, type NoticeSet } from '../../topology/notice.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import type { RelayRoute } from '../../topology/relay-route.ts'
import type { Swim } from '../../topology/swim-group.ts'
import { createView, type View } from '../../topology/view.ts'
import { createPeerChannel, type PeerChannel } from './state/peer-channel.ts'
import type { NodeConfig, Powers } from './config.ts'
import { PROBE_BURST } from './constants.ts'
import { createDialBack, type DialBack } from './state/dial-back.ts'
import { createGatewayStanding, type GatewayStanding } from './state/gateway-standing.ts'
import { createEventLog, type EventLog, type EventOf } from './event-log.ts'
import { type HubSurvey, NO_HUBS } from './state/hub-survey.ts'
import type { QuorumStatus } from './status.ts'
import { createMtuSurvey, type MtuSurvey } from './state/mtu-survey.ts'
import { createNatSurvey, type NatSurvey } from './state/nat-survey.ts'
import { pairPhaseMs } from './pair-phase.ts'
import { createPeerSearch, type PeerSearch } from './state/peer-search.ts'
import type { HelperLink, HelperPeer, HelperTurnServer } from './helper-contract.ts'
import type { HelperEngine } from './helper-hello.ts'
import type { HelperNames } from './helper-names.ts'
import type { HelperTakeover } from './helper-takeover.ts'
import { createIndirectPaths, type IndirectPaths } from './peer-paths.ts'

/** What is known of the helper at the other end of the socket. */
export interface HelperSide {
  connected: boolean
  engine: HelperEngine | undefined
  engineReason: string | undefined
  version: string | undefined
  features: readonly string[]
  /** It was killed, and went on with what it had kept. */
  restored: boolean | undefined
  /** What of the earlier one's it has. */
  takeover: HelperTakeover | null
  /** The document last sent, as text: equal documents are not sent twice. */
  appliedText: string | undefined
  /** What that document was made from, in brief: as long as this is the same, so is the document. */
  appliedFrom: string | undefined
  problem: string | undefined
  /** How names resolve on this host, as the helper last said. */
  names: HelperNames | null
  /** Its allocations, by the server's id. */
  readonly turn: Map<string, HelperTurnServer>
}

/** One other member, as far as this node deals with it itself. */
export interface Peer {
  readonly node: NodeId
  readonly paths: PathAgent
  /** See pair-phase.ts. */
  readonly pairPhaseMs: number
  /** The record from which the candidates were taken. */
  record: NodeRecord
  /** WireGuard public key, base64: how the helper names the peer. */
  readonly helperName: string
  /** When a record of it last arrived in this run; undefined for one that comes from the disk. */
  heardAt: Instant | undefined
  /** How far its clock seemed to be ahead of ours, last some times; see clock-offset.ts. */
  readonly clockSamples: number[]
  /** The helper's latest numbers. */
  stats: HelperPeer | undefined
  /** Id of the path that carries traffic, as the helper last said. */
  activePath: string | undefined
  /** The last time that traffic moved, as far as this agent saw it, and how often it did. */
  lastSwitch: EventOf<'path-switched'> | undefined
  switches: number
  readonly switchCauses: Map<string, number>
  /** Routes over hubs, best first, and what they were made from. */
  routes: readonly RelayRoute[]
  routesFrom: { readonly hubs: HubSurvey; readonly record: NodeRecord } | undefined
  /** Where its probes last came from, by TURN server of ours. */
  readonly heardOverTurn: Map<string, TransportAddress>
  readonly search: PeerSearch
  /** Paths that lead over somebody else; see peer-paths.ts. */
  readonly indirect: IndirectPaths
  /** See gateways.ts. */
  readonly gateway: GatewayStanding
  /** See channels.ts. */
  readonly channel: PeerChannel
  /** How much each path carries that answers, by id; see peer-mtu.ts. */
  readonly mtus: Map<string, PathMtu>
  /** When a round trip inside the session last succeeded. */
  sessionAt: Instant | undefined
  /** Of the two node ids, see dial-targets.ts; undefined until it was needed once. */
  dialWeight: string | undefined
}

/** Our own record as it stands, and what it was made from. */
export interface OwnRecord {
  record: NodeRecord
  envelope: RecordEnvelope
  contentText: string
  issuedAtInstant: Instant
  /** Of a record that was made before a restart: when it gives way to whatever can be said by then. */
  heldUntil: Instant | undefined
}

/** A token bucket: the pace of probes over all peers. */
export interface ProbeBudget {
  tokens: number
  filledAt: Instant
}

/** The ports that a router forwards to us. */
export interface Ports {
  readonly mapping: PortMapping
  /** When to look at the default route next. */
  lookAt: Instant
  /** The way to the gateway begins at a global address: nothing has to be mapped. */
  isGlobal: boolean
  /** Given back: nothing is asked for any more. */
  released: boolean
  /** What was last logged. */
  said: string
}

/** When to ask for the next certificate. */
export interface Renewal {
  askAt: Instant
  /** A request is on its way. */
  asking: boolean
  failures: number
}

export interface Node {
  /** Replaced as a whole when the configuration file is read again, or when the node gets another certificate. */
  config: NodeConfig
  readonly powers: Powers
  readonly self: NodeId
  readonly view: View
  /** What the authority says and every member must hear. */
  readonly notices: NoticeSet
  readonly peers: Map<NodeId, Peer>
  /** The same by the name that the helper knows them by; see addPeer. */
  readonly peersByHelperName: Map<string, Peer>
  readonly stun: StunClient
  readonly uplinks: Uplinks
  readonly helper: HelperSide
  readonly neighbours: Set<NodeId>
  /** Our address as peers saw it, by the endpoint at which we reached them; newest last. */
  readonly seenByPeers: Map<TransportAddress, TransportAddress>
  readonly budget: ProbeBudget
  readonly ports: Ports
  readonly events: EventLog
  readonly survey: NatSurvey
  readonly dialBack: DialBack
  readonly renewal: Renewal
  /** Another host that runs with our keys: its records that we have seen, and since when it is certain. */
  readonly twin: { seen: number; since: WallTime | undefined }
  /** Undefined while no socket is open inside the mesh. */
  swim: Swim | undefined
  /** When to look for certificates of others that have run out. */
  expiryLookAt: Instant
  readonly mtu: MtuSurvey
  links: readonly HelperLink[]
  own: OwnRecord | undefined
  lastOwnVersion: number
  dialTargetsText: string
  hubs: HubSurvey
  /** The hubs to which this node keeps a direct path, and which it names in its record. */
  homeHubs: readonly NodeId[]
  /** Of the store that several authorities share. */
  authorityQuorum: QuorumStatus | undefined
  leaving: boolean
  /** Others should use another hub: this one is about to go. Until it is taken back, or the agent ends. */
  draining: boolean
  /** Until when answers from behind this host may have to be sent a second time; see gateways.ts. */
  lateUntil: Instant | undefined
}

export function createNode(config: NodeConfig, powers: Powers, now: Instant): Node {
  return {
    config,
    powers,
    self: config.certificate.node,
    view: createView(),
    notices: createNoticeSet(),
    peers: new Map(),
    peersByHelperName: new Map(),
    stun: createStunClient(),
    uplinks: new Map(),
    helper: {
      connected: false,
      engine: undefined,
      engineReason: undefined,
      version: undefined,
      features: [],
      restored: undefined,
      takeover: null,
      appliedText: undefined,
      appliedFrom: undefined,
      problem: undefined,
      names: null,
      turn: new Map(),
    },
    neighbours: new Set(),
    seenByPeers: new Map(),
    budget: { tokens: PROBE_BURST, filledAt: now },
    ports: {
      mapping: createPortMapping({ udp: config.listenPort, tcp: config.dialPort }),
      lookAt: now,
      isGlobal: false,
      released: false,
      said: '',
    },
    events: createEventLog(),
    survey: createNatSurvey(now),
    dialBack: createDialBack(),
    swim: undefined,
    twin: { seen: 0, since: undefined },
    renewal: { askAt: now, asking: false, failures: 0 },
    expiryLookAt: now,
    mtu: createMtuSurvey(),
    links: [],
    own: undefined,
    lastOwnVersion: config.lastOwnVersion,
    dialTargetsText: '',
    hubs: NO_HUBS,
    homeHubs: [],
    authorityQuorum: undefined,
    leaving: false,
    draining: false,
    lateUntil: undefined,
  }
}

export function createPeer(self: NodeId, record: NodeRecord, helperName: string): Peer {
  const { node } = record.certificate
  return {
    node,
    paths: createPathAgent(),
    pairPhaseMs: pairPhaseMs(self, node),
    record,
    helperName,
    heardAt: undefined,
    clockSamples: [],
    stats: undefined,
    activePath: undefined,
    lastSwitch: undefined,
    switches: 0,
    switchCauses: new Map(),
    routes: [],
    routesFrom: undefined,
    heardOverTurn: new Map(),
    search: createPeerSearch(),
    indirect: createIndirectPaths(),
    gateway: createGatewayStanding(record.draining),
    channel: createPeerChannel(),
    mtus: new Map(),
    sessionAt: undefined,
    dialWeight: undefined,
  }
}

/** In place of what was known of the same member. */
export function addPeer(node: Node, peer: Peer): void {
  const known = node.peers.get(peer.node)
  if (known !== undefined) node.peersByHelperName.delete(known.helperName)
  node.peers.set(peer.node, peer)
  node.peersByHelperName.set(peer.helperName, peer)
}

/** Whether there was one. */
export function removePeer(node: Node, id: NodeId): boolean {
  const peer = node.peers.get(id)
  if (peer === undefined) return false
  if (node.peersByHelperName.get(peer.helperName) === peer)
    node.peersByHelperName.delete(peer.helperName)
  return node.peers.delete(id)
}

export function peerByHelperName(node: Node, helperName: string): Peer | undefined {
  return node.peersByHelperName.get(helperName)
}
