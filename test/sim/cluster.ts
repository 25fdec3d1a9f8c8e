// SPDX-License-Identifier: Apache-2.0
/** A whole mesh in one process: members on hosts, a virtual clock, one seed. */
import type { Effect } from '../../agent/core/effect.ts'
import type { Event } from '../../agent/core/event.ts'
import type { NodeConfig } from '../../agent/core/config.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { NodeRecord } from '../../topology/record.ts'
import { verifyRecord } from '../../topology/record-codec.ts'
import { toHex } from '../../nat/hex.ts'
import { wallTime } from '../../nat/clock.ts'
import type { Result } from '../../nat/result.ts'
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import type { NatKindName } from '../../netns-lab/nat-kinds.ts'
import { ClusterNode } from './cluster-node.ts'
import { SimulatedGossip } from './gossip.ts'
import type { Frame } from './frame.ts'
import { type CryptoKind, Membership, WALL_START_MS } from './membership.ts'
import type { NatOptions } from './nat.ts'
import { type Realm, SimulatedNetwork } from './network.ts'
import { SeededRandom } from './seeded-random.ts'
import type { SimulatedTurnServer } from './turn-server.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Sees all that happens; throws if it must not. */
export interface Witness {
  /** Before its effects are performed. */
  onStep?(node: ClusterNode, event: Event, effects: readonly Effect[]): void
}

export interface NodePlace {
  readonly realm?: Realm<Frame>
  readonly ips: readonly string[]
  /** One way, to the middle of the internet. */
  readonly delayMs?: number
  readonly config?: Partial<NodeConfig>
}

export class Cluster {
  readonly seed: number
  readonly clock = new VirtualClock()
  readonly network: SimulatedNetwork<Frame>
  readonly gossip: SimulatedGossip
  readonly membership: Membership
  readonly nodes = new Map<string, ClusterNode>()
  readonly witnesses: Witness[] = []
  /** For the members that are added from then on. */
  turnServer: SimulatedTurnServer | undefined
  readonly #verified = new Map<string, Result<NodeRecord>>()
  #sites = 0

  constructor(seed: number, crypto: CryptoKind = 'hashing') {
    this.seed = seed
    this.network = new SimulatedNetwork(this.clock, seed)
    this.membership = new Membership(seed, crypto)
    this.gossip = new SimulatedGossip(this.clock, seed, this.network)
  }

  /** A site behind a NAT with an external address of its own. */
  site(kind: NatKindName, options: Partial<NatOptions> = {}, outside?: Realm<Frame>): Realm<Frame> {
    const n = ++this.#sites
    const ips = kind === 'address-pool' ? [0, 1, 2, 3] : [0]
    const externalIps = ips.map((i) => `203.0.${n}.${i + 1}`)
    const random = new SeededRandom(this.seed, `site ${n}`)
    return this.network.site(`${kind} ${n}`, { kind, externalIps, random, ...options }, outside)
  }

  /** A member, with its helper running and its agent not yet started. */
  add(
    name: string,
    { realm = this.network.internet, ips, delayMs = 20, config = {} }: NodePlace,
  ): ClusterNode {
    const member = this.membership.admit(name)
    const host = this.network.host(name, realm, ips, delayMs)
    const node = new ClusterNode({ cluster: this, name, member, host, config })
    this.nodes.set(name, node)
    return node
  }

  get(name: string): ClusterNode {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`no node ${name}`)
    return node
  }

  byId(id: NodeId): ClusterNode | undefined {
    for (const node of this.nodes.values()) if (node.id === id) return node
    return undefined
  }

  /** Each envelope is judged once for all: the verdict depends on nothing that differs between nodes. */
  verify(bytes: Uint8Array): Result<NodeRecord> {
    const key = toHex(bytes.subarray(-64))
    const known = this.#verified.get(key)
    if (known !== undefined) return known
    const { network, crypto } = this.membership
    const verdict = verifyRecord(bytes, network, crypto, wallTime(WALL_START_MS + this.clock.nowMs))
    this.#verified.set(key, verdict)
    return verdict
  }

  /** What carries the traffic of two members: the worse of both directions; `relay` is over whomever. */
  pathBetween(a: string, b: string): 'direct' | 'relay' | 'none' {
    const [one, other] = [this.get(a), this.get(b)]
    const ways = [
      one.helper.carrierOf(other.member.helperName),
      other.helper.carrierOf(one.member.helperName),
    ]
    if (ways.includes(undefined)) return 'none'
    return ways.every((way) => way?.kind === 'direct' && !this.#isAtServer(way.endpoint))
      ? 'direct'
      : 'relay'
  }

  /** What the server gave to a member is an address like any other to the helpers of others. */
  #isAtServer(endpoint: TransportAddress): boolean {
    return addressParts(endpoint).ip === this.turnServer?.ip
  }

  /** Whether each of the two has an up path to the other. */
  isDirect(a: string, b: string): boolean {
    return this.get(a).isDirectTo(this.get(b)) && this.get(b).isDirectTo(this.get(a))
  }
}
