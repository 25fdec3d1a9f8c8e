// SPDX-License-Identifier: Apache-2.0
/** A run as a person would tell it: one line for each thing that happened (`<`) or was wanted (`>`), with virtual time. */
import type { Effect } from '../../agent/core/effect.ts'
import type { Event } from '../../agent/core/event.ts'
import { isWarning } from '../../agent/core/event-log.ts'
import type { DesiredPath, DesiredState, HelperEvent } from '../../agent/core/helper-contract.ts'
import type { NodeRecord } from '../../topology/record.ts'
import type { Cluster, Witness } from '../sim/cluster.ts'
import type { ClusterNode } from '../sim/cluster-node.ts'

export class Trace implements Witness {
  readonly #cluster: Cluster
  readonly #lines: string[] = []

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.witnesses.push(this)
  }

  /** What the script does, between the lines of what follows from it. */
  note(text: string): void {
    this.#lines.push(`\n${this.#time()} * ${text}`)
  }

  toString(): string {
    return `${this.#lines.join('\n').trim()}\n`
  }

  onStep(node: ClusterNode, event: Event, effects: readonly Effect[]): void {
    const happened = this.#event(event)
    if (happened !== undefined) this.#line(node, '<', happened)
    for (const wanted of this.#effects(node, effects)) this.#line(node, '>', wanted)
  }

  #line(node: ClusterNode, direction: '<' | '>', text: string): void {
    this.#lines.push(`${this.#time()} ${node.name.padEnd(5)} ${direction} ${text}`)
  }

  #time(): string {
    return this.#cluster.clock.nowMs.toFixed(1).padStart(9)
  }

  #event(event: Event): string | undefined {
    switch (event.kind) {
      case 'helper-connected':
        return `helper connected, keeping ${event.state.peers.length} peers`
      case 'helper-disconnected':
        return `helper lost: ${event.reason}`
      case 'helper-event':
        return this.#helperEvent(event.event)
      case 'record':
        return `record: ${this.#describe(event.record)}`
      case 'notice':
        return `hears of a ${event.notice.kind}`
      case 'authority-quorum':
        return `etcd ${event.quorum.quorum ? 'has' : 'has not'} a quorum`
      case 'mesh-socket':
      case 'swim-datagram':
        return undefined
      case 'renewed':
        return `gets certificate ${event.certificate.serial}`
      case 'renewal-failed':
        return `gets no certificate: ${event.reason}`
      case 'neighbour-up':
        return `link up to ${this.#nameOf(event.node)}`
      case 'neighbour-down':
        return `link down to ${this.#nameOf(event.node)}`
      case 'channel':
        return `data channel to ${this.#nameOf(event.node)}: ${event.isOpen ? 'open' : 'closed'}, ${event.detail}`
      case 'dialled-back':
        return `${this.#nameOf(event.by)} has tried: ${event.result?.udp === true ? 'open' : 'shut'}`
      case 'apply-failed':
        return `apply failed: ${event.fault.message}`
      case 'recheck':
      case 'leave':
      case 'reconfigured':
      case 'drain':
      case 'release-ports':
        return event.kind
      case 'gateway':
      case 'gateway-datagram':
      case 'gateway-closed':
      case 'upnp-result':
      case 'applied':
      case 'side-datagram':
      case 'measured':
      case 'tick':
        return undefined
    }
  }

  #helperEvent(event: HelperEvent): string | undefined {
    switch (event.method) {
      case 'datagram':
        return `STUN answer of ${event.from}`
      case 'probe-reply':
        return `${this.#peer(event.peer)} answers at ${event.endpoint} in ${event.rttUs / 1000} ms, sees us at ${event.observed}`
      case 'probe-heard':
        return `${this.#peer(event.peer)} probes from ${event.from}${event.server === null ? '' : ` over ${event.server}`}`
      case 'search-ended':
        return `search for ${this.#peer(event.peer)} ends: ${event.result} after ${event.probes} probes from ${event.sockets} sockets`
      case 'path-up':
        return `path up to ${this.#peer(event.peer)}: ${this.#pathId(event.peer, event.path)}`
      case 'path-down':
        return `path down to ${this.#peer(event.peer)}: ${this.#pathId(event.peer, event.path)}, ${event.reason}`
      case 'switched':
        return `traffic to ${this.#peer(event.peer)} moves to ${this.#pathId(event.peer, event.to)}`
      case 'links-changed':
        return `links: ${event.links.flatMap((link) => link.addresses).join(', ')}`
      case 'device-lost':
        return `device lost: ${event.reason}`
      case 'names-changed':
        return `names of ${event.names.zone}: ${event.names.problem ?? event.names.wiring}`
      case 'turn-changed':
        return `TURN server ${event.server.id} is ${event.server.state}, gives ${event.server.relayed}`
      case 'stats':
        return undefined
    }
  }

  #effects(node: ClusterNode, effects: readonly Effect[]): string[] {
    const probes = effects.filter((effect) => effect.kind === 'probe')
    const byPeer = Map.groupBy(probes, (probe) => probe.peer)
    const checks = [...byPeer].map(
      ([peer, ofPeer]) =>
        `probes ${this.#peer(peer)} at ${ofPeer.map((probe) => probe.endpoint).join(', ')}`,
    )
    return [...checks, ...effects.flatMap((effect) => this.#effect(node, effect) ?? [])]
  }

  #effect(node: ClusterNode, effect: Effect): string | undefined {
    switch (effect.kind) {
      case 'apply':
        return `applies ${this.#desired(effect.desired)}`
      case 'search': {
        const { peer, sockets, endpoints } = effect.search
        return `searches for ${this.#peer(peer)} from ${sockets} sockets at ${endpoints.length} addresses`
      }
      case 'stop-search':
        return `searches no more for ${this.#peer(effect.peer)}`
      case 'ask-to-dial':
        return `asks ${this.#nameOf(effect.to)} to try ${effect.udp}`
      case 'send-datagram':
        return `asks ${effect.to}`
      case 'publish': {
        const record = node.verify(effect.envelope)
        return record === undefined ? 'says what nobody believes' : `says ${this.#describe(record)}`
      }
      case 'dial-targets':
        return `wants links to ${effect.targets.map((target) => this.#nameOf(target.node)).join(', ') || 'nobody'}`
      case 'open-channel':
      case 'close-channel':
        return `${effect.kind.replace('-', 's a ')} to ${this.#nameOf(effect.node)}`
      case 'event':
        return isWarning(effect.entry) ? `warns: ${effect.entry.kind.replace('-', ' ')}` : undefined
      case 'log':
        return effect.level === 'warn' || effect.level === 'error'
          ? `warns: ${effect.message}`
          : undefined
      case 'hang-up':
        return `hangs up on ${this.#nameOf(effect.node)}`
      case 'renew':
        return 'asks for its next certificate'
      case 'probe':
      case 'side-socket':
      case 'send-swim':
      case 'save-notices':
      case 'save-certificate':
      case 'measure':
      case 'save-record':
      case 'find-gateway':
      case 'send-to-gateway':
      case 'upnp-request':
        return undefined
    }
  }

  #desired({ peers }: DesiredState): string {
    const parts = peers.map((peer) => {
      const paths = peer.paths.map((path) => this.#path(path)).join(', ')
      return `${this.#peer(peer.publicKey)} [${paths}]`
    })
    return parts.length === 0 ? 'a device without peers' : parts.sort().join(' ')
  }

  #path(path: DesiredPath): string {
    switch (path.kind) {
      case 'direct':
        return path.endpoint
      case 'relay':
        return `over ${path.via.map((hub) => this.#peer(hub)).join(' and ')}`
      case 'turn':
        return `over ${path.server} to ${path.endpoint}`
      case 'channel':
        return 'over a data channel'
    }
  }

  /** Names instead of keys, so that a trace reads the same whatever the keys are. */
  #pathId(peer: string, id: string | null): string {
    if (id === null) return 'nowhere'
    for (const node of this.#cluster.nodes.values())
      for (const desired of node.helper.desired.peers)
        for (const path of desired.publicKey === peer ? desired.paths : [])
          if (path.id === id) return path.kind === 'direct' ? id : this.#path(path)
    return id
  }

  #peer(helperName: string): string {
    for (const node of this.#cluster.nodes.values())
      if (node.member.helperName === helperName) return node.name
    return helperName
  }

  #nameOf(id: ClusterNode['id']): string {
    return this.#cluster.byId(id)?.name ?? id
  }

  #describe(record: NodeRecord): string {
    const { certificate, present, candidates, nat, dialAddresses, stunServers, relay, hubs } =
      record
    if (!present) return `${certificate.name} leaves`
    const short = {
      host: 'host',
      mapped: 'mapped',
      'server-reflexive': 'srflx',
      relayed: 'relayed',
      'peer-reflexive': 'prflx',
    }
    const parts = candidates.map(({ kind, address }) => `${short[kind]} ${address}`)
    if (dialAddresses.length > 0) parts.push('dialable')
    if (stunServers.length > 0) parts.push('serves STUN')
    if (relay) parts.push('relays')
    if (hubs.length > 0) parts.push(`home ${hubs.map((hub) => this.#nameOf(hub)).join(' and ')}`)
    return `${certificate.name}: ${[...parts, `mapping ${nat.mapping}`].join(', ')}`
  }
}
