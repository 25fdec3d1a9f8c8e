// SPDX-License-Identifier: Apache-2.0
/** What must hold in every run, whatever the seed: looked at in each step of each node. */
import type { Effect } from '../../agent/core/effect.ts'
import type { Event } from '../../agent/core/event.ts'
import type { DesiredPath, DesiredPeer, DesiredState } from '../../agent/core/helper-contract.ts'
import type { Cluster, Witness } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'

/** As agent/core promises them: PROBE_BURST and PROBES_PER_SECOND. */
const PROBES_PER_STEP_MAX = 50
const PROBES_PER_SECOND_MAX = 300 + PROBES_PER_STEP_MAX

export class Checkers implements Witness {
  readonly #cluster: Cluster
  /** Who holds a prefix on a node: `node prefix` to the peer's key. */
  readonly #holders = new Map<string, string>()
  /** Round trips: `node peer endpoint`. */
  readonly #proven = new Set<string>()
  readonly #members = new Set<string>()
  readonly #probesOfSecond = new Map<string, number>()
  /** How often each kind of effect was wanted. */
  readonly effects: Record<Effect['kind'], number> = {
    apply: 0,
    probe: 0,
    search: 0,
    'stop-search': 0,
    'send-datagram': 0,
    'side-socket': 0,
    'ask-to-dial': 0,
    measure: 0,
    publish: 0,
    'save-record': 0,
    'save-notices': 0,
    'save-certificate': 0,
    renew: 0,
    'send-swim': 0,
    'hang-up': 0,
    'dial-targets': 0,
    'open-channel': 0,
    'close-channel': 0,
    'find-gateway': 0,
    'send-to-gateway': 0,
    'upnp-request': 0,
    event: 0,
    log: 0,
  }

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.witnesses.push(this)
  }

  onStep(node: ClusterNode, event: Event, effects: readonly Effect[]): void {
    this.#notice(node, event)
    for (const effect of effects) {
      this.effects[effect.kind] += 1
      if (effect.kind === 'apply') this.#checkDesired(node, effect.desired)
      if (effect.kind === 'publish')
        this.#must(node, node.verify(effect.envelope) !== undefined, 'its own record is invalid')
    }
    this.#checkPace(node, effects.filter(({ kind }) => kind === 'probe').length)
  }

  /** Call at the end of a run. */
  finish(): void {
    for (const node of this.#cluster.nodes.values())
      this.#must(
        node,
        node.helper.candidates.refused + node.helper.search.refused === 0,
        'the helper had to refuse probes or searches',
      )
  }

  #notice(node: ClusterNode, event: Event): void {
    if (event.kind === 'helper-connected')
      for (const peer of event.state.peers)
        for (const path of peer.paths)
          this.#proven.add(`${node.name} ${peer.publicKey} ${path.endpoint}`)
    if (event.kind === 'helper-event' && event.event.method === 'search-ended')
      this.#proven.add(`${node.name} ${event.event.peer} ${event.event.endpoint}`)
    if (event.kind === 'helper-event' && event.event.method === 'probe-reply')
      this.#proven.add(`${node.name} ${event.event.peer} ${event.event.endpoint}`)
  }

  #checkDesired(node: ClusterNode, desired: DesiredState): void {
    for (const { member } of this.#cluster.nodes.values()) this.#members.add(member.helperName)
    for (const peer of desired.peers) {
      const { publicKey } = peer
      this.#must(node, this.#members.has(publicKey), `${publicKey} is no member`)
      this.#must(node, publicKey !== node.member.helperName, 'it is its own peer')
      this.#checkPrefixes(node, peer)
      for (const path of peer.paths) this.#checkPath(node, desired, peer, path)
    }
  }

  #checkPath(node: ClusterNode, desired: DesiredState, peer: DesiredPeer, path: DesiredPath): void {
    const { publicKey } = peer
    switch (path.kind) {
      case 'direct': {
        const isProven = this.#proven.has(`${node.name} ${publicKey} ${path.endpoint}`)
        return this.#must(node, isProven, `${path.endpoint} is armed without a round trip`)
      }
      case 'relay':
        return this.#checkRelay(node, desired, peer, path)
      case 'turn': {
        const isGiven = desired.turn?.some(({ id }) => id === path.server) === true
        return this.#must(node, isGiven, `${path.id} leads over a server that is not given`)
      }
      case 'channel':
        // Whether there is a channel is for its carrier to say.
        return
    }
  }

  #checkRelay(
    node: ClusterNode,
    desired: DesiredState,
    { publicKey }: DesiredPeer,
    path: Extract<DesiredPath, { kind: 'relay' }>,
  ): void {
    const hosts = [node.member.helperName, ...path.via, publicKey]
    this.#must(node, new Set(hosts).size === hosts.length, `${path.id} passes a host twice`)
    for (const hub of path.via) this.#must(node, this.#members.has(hub), `${hub} is no member`)
    const first = desired.peers.find((other) => other.publicKey === path.via[0])
    const isReached = first?.paths.some(({ kind }) => kind === 'direct' || kind === 'turn') === true
    this.#must(node, isReached, `${path.id} begins at a hub without a path of its own`)
  }

  #checkPrefixes(node: ClusterNode, { publicKey, allowedIps }: DesiredPeer): void {
    for (const prefix of allowedIps) {
      const key = `${node.name} ${prefix}`
      const holder = this.#holders.get(key) ?? publicKey
      this.#holders.set(key, holder)
      this.#must(node, holder === publicKey, `${prefix} moved from ${holder} to ${publicKey}`)
    }
    this.#must(node, allowedIps.length === 2, `${publicKey} lost an address`)
  }

  #checkPace(node: ClusterNode, probes: number): void {
    if (probes === 0) return
    this.#must(node, probes <= PROBES_PER_STEP_MAX, `${probes} probes in one step`)
    const second = `${node.name} ${Math.floor(this.#cluster.clock.nowMs / 1000)}`
    const inSecond = (this.#probesOfSecond.get(second) ?? 0) + probes
    this.#probesOfSecond.set(second, inSecond)
    this.#must(node, inSecond <= PROBES_PER_SECOND_MAX, `${inSecond} probes in one second`)
  }

  #must(node: ClusterNode, holds: boolean, what: string): void {
    if (holds) return
    const { seed, clock } = this.#cluster
    throw new Error(`seed ${seed}, ${clock.nowMs} ms, ${node.name}: ${what}`)
  }
}
