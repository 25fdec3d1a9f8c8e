// SPDX-License-Identifier: Apache-2.0
/**
 * Records over gossipsub: a message is one record, its id is its hash. gossipsub signs nothing: the record is signed, and
 * is judged before it is passed on.
 */
import { createHash } from 'node:crypto'
import {
  gossipsub,
  type GossipSub,
  type GossipSubComponents,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import { type Connection, type PeerId, serviceDependencies, type Stream } from '@libp2p/interface'
import type { NodeId } from '../../../topology/identity.ts'
import type { GossipGate } from './gossip-gate.ts'
import type { RecordJudge } from './record-judge.ts'
import { nodeIdOf } from './underlay-node.ts'

/** Of one RPC: a handful of records and gossipsub's own control messages. */
const INBOUND_RPC_BYTES_MAX = 128 * 1024
const OUTBOUND_BUFFER_BYTES_MAX = 4 * 1024 * 1024

/**
 * A neighbour is grafted as soon as it subscribes while the mesh is smaller than `Dlo`, and pruned
 * beyond `Dhi`: a hub with a whole segment around it keeps them all, and no leaf waits for IHAVE.
 */
const MESH_DEGREE = { D: 16, Dlo: 12, Dhi: 256, Dscore: 8, Dout: 4 }

export function gossipTopic(network: string): string {
  return `/meshgate/records/1/${network}`
}

/** A libp2p service. It sees members only, through the gate. */
export function gossipService(
  gate: GossipGate,
  topic: string,
): (components: GossipSubComponents) => GossipSub {
  const factory = gossipsub({
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: ({ data }) => createHash('sha256').update(data).digest(),
    allowedTopics: [topic],
    ...MESH_DEGREE,
    floodPublish: true,
    fallbackToFloodsub: false,
    tagMeshPeers: false,
    doPX: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: INBOUND_RPC_BYTES_MAX,
    maxOutboundBufferSize: OUTBOUND_BUFFER_BYTES_MAX,
    scoreParams: {
      // Members are authenticated; many of them share the address of one NAT.
      IPColocationFactorWeight: 0,
      // A second line behind the gate.
      appSpecificScore: (peer: string) => (gate.isAdmitted(peer) ? 0 : -1_000),
      appSpecificWeight: 1,
      // A busy host answers an IHAVE late now and then.
      behaviourPenaltyThreshold: 10,
      retainScore: 60_000,
    },
  })
  return (components) => {
    // One by one: the components are a proxy that cannot be spread.
    const { privateKey, peerId, peerStore, connectionManager, logger } = components
    const registrar = gate.registrar(components.registrar)
    const service = factory({ privateKey, peerId, peerStore, connectionManager, logger, registrar })
    // The gate tells it of peers, so it needs no identify.
    return Object.assign(service, { [serviceDependencies]: [] })
  }
}

/** Judges what neighbours send, and passes on what is news. */
export function joinTopic(
  service: GossipSub,
  topic: string,
  judge: Pick<RecordJudge, 'judge'>,
  onNews: (bytes: Uint8Array, from: NodeId) => void,
): void {
  service.topicValidators.set(topic, (peer: PeerId, message) => {
    const from = nodeIdOf(peer)
    if (from === undefined) return TopicValidatorResult.Reject
    const bytes = new Uint8Array(message.data)
    const judgement = judge.judge(bytes, from)
    if (judgement === 'refused') return TopicValidatorResult.Reject
    if (judgement === 'known') return TopicValidatorResult.Ignore
    onNews(bytes, from)
    return TopicValidatorResult.Accept
  })
  service.subscribe(topic)
}

/** Whether what is forwarded now leaves at once on this connection. */
export function isGrafted(service: GossipSub, topic: string, connection: Connection): boolean {
  // Present in the class, missing in the interface that the package declares.
  const mesh = service as GossipSub & { getMeshPeers: (topic: string) => string[] }
  const inMesh = mesh.getMeshPeers(topic).includes(connection.remotePeer.toString())
  return inMesh && connection.streams.some(isOutboundGossip)
}

function isOutboundGossip({ direction, protocol }: Stream): boolean {
  return direction === 'outbound' && protocol.startsWith('/meshsub/')
}
