// SPDX-License-Identifier: Apache-2.0
/** One member of a simulated mesh: a host, a helper that keeps running, and an agent that comes and goes. */
import type { NodeConfig } from '../../agent/core/config.ts'
import type { Effect } from '../../agent/core/effect.ts'
import type { Event } from '../../agent/core/event.ts'
import { nextDeadline, step } from '../../agent/core/node.ts'
import { createNode, type Node } from '../../agent/core/state.ts'
import { instant, type Now, wallTime } from '../../nat/clock.ts'
import { isDirect } from '../../nat/proven-paths.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import type { Cluster } from './cluster.ts'
import type { Frame } from './frame.ts'
import { tryDoor } from './door-trial.ts'
import { HelperModel } from './helper-model.ts'
import { type Member, WALL_START_MS } from './membership.ts'
import type { Host } from './network.ts'
import { SeededRandom } from './seeded-random.ts'
import { SideSocketModel } from './side-socket-model.ts'
import { simulatedStun } from './simulated-stun.ts'
import type { Alarm } from './virtual-clock.ts'

/** From a call over the helper's socket to its answer. */
const HELPER_ANSWER_MS = 1
/** The shell's timer never rings at once (agent/shell/loop.ts). */
const TIMER_MS_MIN = 1
export const LISTEN_PORT = 41_820

export interface ClusterNodeOptions {
  readonly cluster: Cluster
  readonly name: string
  readonly member: Member
  readonly host: Host<Frame>
  readonly config: Partial<NodeConfig>
}

export class ClusterNode {
  readonly name: string
  readonly id: NodeId
  readonly host: Host<Frame>
  readonly helper: HelperModel
  readonly #sideSockets: SideSocketModel
  readonly member: Member
  agent: Node | undefined
  steps = 0
  /** What the shell keeps on the disk. */
  readonly disk = new Map<NodeId, RecordEnvelope>()
  readonly #cluster: Cluster
  readonly #config: Partial<NodeConfig>
  readonly #random: SeededRandom
  readonly #queue: Event[] = []
  #stepping = false
  #alarm: Alarm | undefined

  constructor({ cluster, name, member, host, config }: ClusterNodeOptions) {
    this.name = name
    this.id = member.certificate.node
    this.host = host
    this.member = member
    this.#cluster = cluster
    this.#config = config
    this.#random = new SeededRandom(cluster.seed, `node ${name}`)
    this.helper = new HelperModel({
      clock: cluster.clock,
      network: cluster.network,
      host,
      random: new SeededRandom(cluster.seed, `helper ${name}`),
      publicKey: member.helperName,
      listenPort: config.listenPort ?? LISTEN_PORT,
      turnServer: cluster.turnServer,
      emit: (event) => this.dispatch({ kind: 'helper-event', event }),
    })
    this.#sideSockets = new SideSocketModel(cluster.network, host, (socket, from, payload) =>
      this.dispatch({ kind: 'side-datagram', socket, from, payload }),
    )
  }

  get now(): Now {
    const { nowMs } = this.#cluster.clock
    return { instant: instant(nowMs), wall: wallTime(WALL_START_MS + Math.floor(nowMs)) }
  }

  /** Starts the agent from what is on the disk; `bootstrap` is whom its token told it to dial. */
  start(bootstrap?: ClusterNode): void {
    const { membership } = this.#cluster
    const { crypto } = membership
    const own = this.disk.get(this.id)
    const node = createNode(
      {
        network: membership.network,
        certificate: this.member.certificate,
        certificateBytes: this.member.certificateBytes,
        keys: this.member.keys,
        interfaceName: 'meshgate0',
        mtu: 1280,
        listenPort: LISTEN_PORT,
        dialPort: 41_821,
        advertise: [],
        turn: [],
        stunServers: [],
        stunServer: 'auto',
        relay: true,
        redundancy: {},
        birthdaySearch: true,
        portMapping: false,
        names: true,
        isExcludedInterface: () => false,
        lastOwnVersion: own === undefined ? 0 : (this.verify(own)?.version ?? 0),
        ...this.#config,
      },
      { entropy: this.#random.entropy, crypto, signer: this.member.signer, stun: simulatedStun },
      this.now.instant,
    )
    this.agent = node
    const others = [...this.disk].flatMap(([id, envelope]) => (id === this.id ? [] : [envelope]))
    for (const envelope of own === undefined ? others : [own, ...others]) {
      const record = this.verify(envelope)
      if (record !== undefined) this.dispatch({ kind: 'record', record, envelope, heard: false })
    }
    this.connectHelper()
    this.#cluster.gossip.start(this, bootstrap)
  }

  connectHelper(): void {
    const { hello } = this.helper
    this.dispatch({ kind: 'helper-connected', hello, state: this.helper.state() })
  }

  /** The agent is killed; the helper goes on. */
  stop(): void {
    this.agent = undefined
    this.#queue.length = 0
    if (this.#alarm !== undefined) this.#alarm.cancelled = true
    this.#cluster.gossip.stop(this)
  }

  dispatch(event: Event): void {
    if (this.agent === undefined) return
    this.#queue.push(event)
    if (this.#stepping) return
    this.#stepping = true
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      this.#step(next)
    this.#stepping = false
    this.#arm()
  }

  /** The record in an envelope, if it is valid. */
  verify(envelope: RecordEnvelope): NodeRecord | undefined {
    const verdict = this.#cluster.verify(envelope.bytes)
    return verdict.ok ? verdict.value : undefined
  }

  isDirectTo(other: ClusterNode): boolean {
    const peer = this.agent?.peers.get(other.id)
    return peer !== undefined && isDirect(peer.paths)
  }

  #step(event: Event): void {
    if (this.agent === undefined) return
    this.steps += 1
    const effects = step(this.agent, event, this.now)
    for (const witness of this.#cluster.witnesses) witness.onStep?.(this, event, effects)
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'apply': {
        const { changed } = this.helper.apply(effect.desired)
        this.#cluster.clock.after(HELPER_ANSWER_MS, () =>
          this.dispatch({ kind: 'applied', changed }),
        )
        break
      }
      case 'probe':
        this.helper.probe(effect.peer, effect.endpoint, effect.transaction)
        break
      case 'search':
        this.helper.search.begin(effect.search)
        break
      case 'stop-search':
        this.helper.search.stop(effect.peer)
        break
      case 'send-datagram':
        this.helper.sendDatagram(effect.to, effect.payload)
        break
      case 'measure': {
        const { peer, path, sizeBytes, timeoutMs } = effect
        this.helper.measure(path, { peer, sizeBytes, timeoutMs }, (outcome) =>
          this.dispatch({ kind: 'measured', peer, path, outcome }),
        )
        break
      }
      case 'ask-to-dial':
        this.#askToDial(effect)
        break
      case 'side-socket':
        this.#sideSockets.perform(effect.message)
        break
      case 'save-record':
        this.disk.set(effect.node, effect.envelope)
        break
      case 'publish':
        this.#cluster.gossip.publish(this, effect.envelope)
        break
      case 'dial-targets':
        this.#cluster.gossip.setTargets(
          this,
          effect.targets.map((target) => target.node),
        )
        break
      // Simulated routers map no ports, and nobody carries data channels.
      case 'open-channel':
      case 'close-channel':
      case 'hang-up':
        this.#cluster.gossip.hangUp(this, effect.node)
        break
      case 'renew':
      case 'send-swim':
      case 'save-notices':
      case 'save-certificate':
      // Simulated routers map no ports.
      case 'find-gateway':
      case 'send-to-gateway':
      case 'upnp-request':
      case 'event':
      case 'log':
        break
    }
  }

  #askToDial({ to, udp }: Extract<Effect, { kind: 'ask-to-dial' }>): void {
    const { clock, network, nodes } = this.#cluster
    const other = [...nodes.values()].find(({ id }) => id === to)
    if (other === undefined) return
    const onTheWay = (then: () => void) => clock.after(network.delayMs(this.host, other.host), then)
    onTheWay(() =>
      tryDoor({ clock, network, host: other.host }, udp, (isOpen) =>
        onTheWay(() => {
          const result = { udp: isOpen, tcp: isOpen }
          this.dispatch({ kind: 'dialled-back', by: to, result })
        }),
      ),
    )
  }

  #arm(): void {
    if (this.#alarm !== undefined) this.#alarm.cancelled = true
    if (this.agent === undefined) return
    const deadline = nextDeadline(this.agent)
    if (deadline === undefined) return
    const waitMs = Math.max(TIMER_MS_MIN, deadline - this.#cluster.clock.nowMs)
    this.#alarm = this.#cluster.clock.after(waitMs, () => this.dispatch({ kind: 'tick' }))
  }
}
