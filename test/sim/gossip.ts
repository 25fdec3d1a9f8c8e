// SPDX-License-Identifier: Apache-2.0
/**
 * Gossip as agent/shell does it, without its wires: links to members that can be dialled, new records passed on
 * once, and views compared now and then so that what was lost is made good.
 */
import type { NodeId } from '../../topology/identity.ts'
import { isNews, isRevoked, type Notice } from '../../topology/notice.ts'
import type { RecordEnvelope } from '../../topology/record.ts'
import { compareEntries, type ViewEntry } from '../../topology/view.ts'
import type { ClusterNode } from './cluster-node.ts'
import type { SimulatedNetwork, Weather } from './network.ts'
import type { Frame } from './frame.ts'
import { SeededRandom } from './seeded-random.ts'
import type { VirtualClock } from './virtual-clock.ts'

const SYNC_PERIOD_MS = 10_000
const REDIAL_MS = 2_000

export class SimulatedGossip {
  /** Records may be lost, doubled and overtaken here too, although TCP does none of it: relays do. */
  readonly weather: Weather = { lossRate: 0, duplicateRate: 0, jitterMs: 0 }
  messages = 0
  readonly #clock: VirtualClock
  readonly #random: SeededRandom
  readonly #network: SimulatedNetwork<Frame>
  readonly #running = new Map<NodeId, ClusterNode>()
  readonly #links = new Map<ClusterNode, Set<ClusterNode>>()
  readonly #targets = new Map<ClusterNode, readonly NodeId[]>()
  readonly #bootstrap = new Map<ClusterNode, ClusterNode>()

  constructor(clock: VirtualClock, seed: number, network: SimulatedNetwork<Frame>) {
    this.#clock = clock
    this.#random = new SeededRandom(seed, 'gossip')
    this.#network = network
    clock.every(REDIAL_MS, () => {
      for (const node of this.#running.values()) this.#dialTargets(node)
    })
    clock.every(SYNC_PERIOD_MS, () => {
      for (const node of this.#running.values()) {
        const neighbours = [...this.linksOf(node)]
        if (neighbours.length > 0) this.#synchronize(node, this.#random.pick(neighbours))
      }
    })
  }

  start(node: ClusterNode, bootstrap: ClusterNode | undefined): void {
    this.#running.set(node.id, node)
    this.#links.set(node, new Set())
    if (bootstrap !== undefined) this.#bootstrap.set(node, bootstrap)
    this.#dialTargets(node)
  }

  stop(node: ClusterNode): void {
    this.#running.delete(node.id)
    for (const neighbour of this.linksOf(node)) {
      this.linksOf(neighbour).delete(node)
      this.#soon(node, neighbour, () =>
        neighbour.dispatch({ kind: 'neighbour-down', node: node.id }),
      )
    }
    this.#links.delete(node)
    this.#targets.delete(node)
  }

  setTargets(node: ClusterNode, targets: readonly NodeId[]): void {
    this.#targets.set(node, targets)
    this.#dialTargets(node)
  }

  linksOf(node: ClusterNode): Set<ClusterNode> {
    return this.#links.get(node) ?? new Set()
  }

  publish(node: ClusterNode, envelope: RecordEnvelope): void {
    for (const neighbour of this.linksOf(node)) this.#send(node, neighbour, envelope)
  }

  hangUp(node: ClusterNode, other: NodeId): void {
    const neighbour = this.#running.get(other)
    if (neighbour === undefined || !this.linksOf(node).delete(neighbour)) return
    this.linksOf(neighbour).delete(node)
    node.dispatch({ kind: 'neighbour-down', node: other })
    this.#soon(node, neighbour, () => neighbour.dispatch({ kind: 'neighbour-down', node: node.id }))
  }

  /** What the authority says, from one node on. */
  announce(node: ClusterNode, notice: Notice): void {
    if (node.agent === undefined || !isNews(node.agent.notices, notice)) return
    // Sent on before it is acted upon, as the shell does: the revoked one hears of it too.
    for (const neighbour of this.linksOf(node)) this.#tell(node, neighbour, notice)
    node.dispatch({ kind: 'notice', notice })
  }

  #tell(from: ClusterNode, to: ClusterNode, notice: Notice): void {
    this.messages += 1
    if (!this.#random.chance(this.weather.lossRate))
      this.#soon(from, to, () => this.announce(to, notice))
  }

  #dialTargets(node: ClusterNode): void {
    const bootstrap = this.#bootstrap.get(node)
    const targets = (this.#targets.get(node) ?? []).map((id) => this.#running.get(id))
    for (const target of [bootstrap, ...targets])
      if (target !== undefined && target !== node && !this.linksOf(node).has(target))
        this.#dial(node, target)
  }

  /** TCP, encryption and the first stream: three round trips. */
  #dial(node: ClusterNode, target: ClusterNode): void {
    this.#clock.after(6 * this.#network.delayMs(node.host, target.host), () => {
      if (!this.#running.has(node.id) || !this.#running.has(target.id)) return
      if (!isWelcome(node, target) || !isWelcome(target, node)) return
      if (this.linksOf(node).has(target)) return
      this.linksOf(node).add(target)
      this.linksOf(target).add(node)
      node.dispatch({ kind: 'neighbour-up', node: target.id })
      target.dispatch({ kind: 'neighbour-up', node: node.id })
      this.#synchronize(node, target)
      this.#synchronize(target, node)
    })
  }

  #synchronize(from: ClusterNode, to: ClusterNode): void {
    this.#compareNotices(from, to)
    this.#compareNotices(to, from)
    for (const entry of from.agent?.view.entries.values() ?? [])
      if (isNewsTo(to, entry)) this.#send(from, to, entry.envelope)
  }

  #compareNotices(from: ClusterNode, to: ClusterNode): void {
    for (const notice of from.agent?.notices.byKey.values() ?? [])
      if (to.agent !== undefined && isNews(to.agent.notices, notice)) this.#tell(from, to, notice)
  }

  #send(from: ClusterNode, to: ClusterNode, envelope: RecordEnvelope): void {
    const { lossRate, duplicateRate } = this.weather
    const copies = this.#random.chance(duplicateRate) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      this.messages += 1
      if (!this.#random.chance(lossRate))
        this.#soon(from, to, () => this.#receive(from, to, envelope))
    }
  }

  #soon(from: ClusterNode, to: ClusterNode, then: () => void): void {
    const jitterMs = this.#random.next() * this.weather.jitterMs
    this.#clock.after(this.#network.delayMs(from.host, to.host) + jitterMs, then)
  }

  #receive(from: ClusterNode, to: ClusterNode, envelope: RecordEnvelope): void {
    const record = to.verify(envelope)
    if (record === undefined || !isNewsTo(to, { record, envelope })) return
    to.dispatch({ kind: 'record', record, envelope, heard: true })
    for (const neighbour of this.linksOf(to))
      if (neighbour !== from) this.#send(to, neighbour, envelope)
  }
}

/** A host that was revoked is told so and closed. */
function isWelcome(host: ClusterNode, guest: ClusterNode): boolean {
  return host.agent === undefined || !isRevoked(host.agent.notices, guest.member.certificate)
}

function isNewsTo(node: ClusterNode, entry: ViewEntry): boolean {
  if (node.agent === undefined) return false
  const held = node.agent.view.entries.get(entry.record.certificate.node)
  return held === undefined || compareEntries(entry, held) > 0
}
