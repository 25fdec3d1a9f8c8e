// SPDX-License-Identifier: Apache-2.0
/**
 * libp2p, set up as a member needs it: TCP, a pre-shared key that keeps strangers' scans out, Noise
 * with the node key as peer id, Yamux. It dials only what it is told to (libp2p 3 does nothing by
 * itself), and there is no identify exchange: addresses travel in signed records.
 */
import { yamux } from '@libp2p/yamux'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { dialAddress } from '../../../topology/dial-address.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { Failure } from '../failure.ts'
import { tcpTransport } from './handed-listener.ts'

/** Enough for a hub of a full segment and its joiners. */
const CONNECTIONS_MAX = 512
/** Members behind one NAT share an address, and come back all at once after an outage. */
const INBOUND_PER_SECOND_AND_ADDRESS = 50
const PENDING_INBOUND_MAX = 64
const PING_INTERVAL_MS = 5_000
const UPGRADE_TIMEOUT_MS = 5_000
export const DIAL_TIMEOUT_MS = 5_000

export interface ListenAddress {
  readonly ip: string
  /** 0: any free one. */
  readonly port: number
  /** Of a socket that listens there already, opened by somebody with the right to the port. */
  readonly descriptor?: number
}

export interface UnderlayNodeOptions {
  /** The node's Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  readonly presharedKey: Uint8Array
  readonly listen: readonly ListenAddress[]
  /** Such addresses are never announced. */
  isMeshAddress(ip: string): boolean
  readonly services?: NonNullable<Libp2pOptions['services']>
}

/** Started, and listening. */
export async function startUnderlayNode(options: UnderlayNodeOptions): Promise<Libp2p> {
  const isMesh = (address: Multiaddr) => {
    const ip = ipOf(address)
    return ip !== undefined && options.isMeshAddress(ip)
  }
  return createLibp2p(await libp2pOptions(options, isMesh)).catch((error: unknown) => {
    const places = options.listen.map(({ ip, port }) => `${ip} port ${port}`).join(', ')
    throw new Failure('listen-failed', `cannot listen on TCP ${places}: ${String(error)}`, {
      remedy:
        'choose another port with tcp_port in the configuration, or end the program that has this one; for a port below 1024 start as root, or have a socket unit of systemd open it',
      cause: error,
    })
  })
}

async function libp2pOptions(
  options: UnderlayNodeOptions,
  isMesh: (address: Multiaddr) => boolean,
): Promise<Libp2pOptions> {
  const descriptors = new Map(
    options.listen.map((address) => [dialAddress(address.ip, address.port), address.descriptor]),
  )
  return {
    privateKey: await generateKeyPairFromSeed('Ed25519', options.seed),
    addresses: {
      listen: options.listen.map(({ ip, port }) => dialAddress(ip, port)),
      announceFilter: (addresses) => addresses.filter((address) => !isMesh(address)),
    },
    transports: [tcpTransport((address) => descriptors.get(address.toString()))],
    connectionProtector: preSharedKey({ psk: presharedKeyText(options.presharedKey) }),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_PER_SECOND_AND_ADDRESS,
      maxIncomingPendingConnections: PENDING_INBOUND_MAX,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      // Our own supervisor keeps links.
      reconnectRetries: 0,
    },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: { ping: ping(), ...options.services },
  }
}

/** The text form that the private-network protector reads. */
function presharedKeyText(key: Uint8Array): Uint8Array {
  return Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${Buffer.from(key).toString('hex')}`)
}

/** The peer id that a node's key makes. */
export function peerIdOf(node: NodeId): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(Buffer.from(node, 'hex')))
}

/** The node key that Noise proved, or undefined for a peer of another kind of key. */
export function nodeIdOf(peer: PeerId): NodeId | undefined {
  const raw = peer.type === 'Ed25519' ? peer.publicKey.raw : undefined
  return raw === undefined ? undefined : (Buffer.from(raw).toString('hex') as NodeId)
}

/** Where the other end of a connection is, as far as its address tells. */
export function remoteIpOf(connection: Connection): string {
  return ipOf(connection.remoteAddr) ?? 'unknown'
}

function ipOf(address: Multiaddr): string | undefined {
  return address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value
}
