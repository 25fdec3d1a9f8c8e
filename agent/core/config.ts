// SPDX-License-Identifier: Apache-2.0
import type { RedundancyRules } from './redundancy.ts'
import type { TransportAddress } from '../../nat/address.ts'
import type { Entropy } from '../../nat/entropy.ts'
import type { StunCodec } from '../../nat/stun-codec.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { Crypto, Signer } from '../../topology/crypto.ts'
import type { Network } from '../../topology/network.ts'
import type { SessionKeys } from './desired.ts'
import type { DesiredTurnServer } from './helper-contract.ts'

/** Everything a node is told at its start. Parsed and checked by the shell, then never changed. */
export interface NodeConfig {
  readonly network: Network
  readonly certificate: Certificate
  /** The certificate as the authority signed it, for the node's own records. */
  readonly certificateBytes: Uint8Array
  readonly keys: SessionKeys
  readonly interfaceName: string
  readonly mtu: number
  /** The one UDP port. */
  readonly listenPort: number
  /** The libp2p port (TCP). */
  readonly dialPort: number
  /** Addresses at which others can reach this host although no link shows them; both its ports. */
  readonly advertise: readonly TransportAddress[]
  /** STUN servers beside those that members run. */
  readonly stunServers: readonly TransportAddress[]
  /** TURN servers to allocate on, most wanted first. */
  readonly turn: readonly DesiredTurnServer[]
  /** auto: serve STUN if the host seems dialable. */
  readonly stunServer: boolean | 'auto'
  /** Forward for others if the host seems dialable. */
  readonly relay: boolean
  /** Search for direct paths through hard NATs: many sockets or many probes for some seconds. */
  readonly birthdaySearch: boolean
  /** To whom packets are sent over two paths. */
  readonly redundancy: RedundancyRules
  /** Ask the router to forward this host's ports. */
  readonly portMapping: boolean
  /** Resolve the names of the mesh's hosts. */
  readonly names: boolean
  /** Whether an interface's addresses must not become candidates. */
  readonly isExcludedInterface: (name: string) => boolean
  /** The highest version that an earlier run gave its own record. */
  readonly lastOwnVersion: number
}

/** The part that a reload of the configuration file changes while the node runs. */
export type Settings = Pick<
  NodeConfig,
  | 'mtu'
  | 'advertise'
  | 'stunServers'
  | 'stunServer'
  | 'relay'
  | 'birthdaySearch'
  | 'turn'
  | 'portMapping'
  | 'redundancy'
  | 'names'
  | 'isExcludedInterface'
>

/** What the shell hands in, so that a step needs nothing ambient. */
export interface Powers {
  readonly entropy: Entropy
  readonly crypto: Crypto
  readonly signer: Signer
  readonly stun: StunCodec
}
