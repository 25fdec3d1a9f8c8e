// SPDX-License-Identifier: Apache-2.0
/**
 * Hosts, the realms in which their addresses mean something, and packets that are late, lost, doubled or
 * overtaken as the seed has it. A packet climbs through the sender's NATs when it is sent and through the
 * receiver's when it arrives.
 */
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import { SimulatedNat, type NatOptions } from './nat.ts'
import { SeededRandom } from './seeded-random.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What a packet carries is for whoever sends and receives it. */
export type Receive<P> = (payload: P, from: TransportAddress) => void

export interface Host<P> {
  readonly name: string
  realm: Realm<P>
  ips: readonly string[]
  /** One way, to the middle of the internet. */
  delayMs: number
  /** Sockets, by port. */
  readonly ports: Map<number, Receive<P>>
}

/** A network in which an address names one thing. The internet has no way out. */
export interface Realm<P> {
  readonly name: string
  readonly members: Map<string, Host<P> | Realm<P>>
  readonly nat: SimulatedNat | undefined
  readonly outside: Realm<P> | undefined
}

export interface Weather {
  lossRate: number
  duplicateRate: number
  /** Up to this much more than the path's own delay, for each packet anew: packets overtake. */
  jitterMs: number
}

const LAN_DELAY_MS = 0.2

export class SimulatedNetwork<P> {
  readonly internet: Realm<P> = {
    name: 'internet',
    members: new Map(),
    nat: undefined,
    outside: undefined,
  }
  readonly weather: Weather = { lossRate: 0, duplicateRate: 0, jitterMs: 0 }
  /** Packets that a broken link or a firewall of somebody else swallows, by the addresses on the internet. */
  isCut: (from: TransportAddress, to: TransportAddress) => boolean = () => false
  /** The largest packet that gets from one address on the internet to another; what is larger is swallowed. */
  mtuBetween: (from: TransportAddress, to: TransportAddress) => number = () => 1500
  packets = 0
  readonly #clock: VirtualClock
  readonly #random: SeededRandom

  constructor(clock: VirtualClock, seed: number) {
    this.#clock = clock
    this.#random = new SeededRandom(seed, 'weather')
  }

  /** A network behind a NAT, or behind a plain router with or without a firewall. */
  site(name: string, options: NatOptions, outside: Realm<P> = this.internet): Realm<P> {
    const realm: Realm<P> = { name, members: new Map(), nat: new SimulatedNat(options), outside }
    for (const ip of options.externalIps) outside.members.set(ip, realm)
    return realm
  }

  host(name: string, realm: Realm<P>, ips: readonly string[], delayMs: number): Host<P> {
    const host: Host<P> = { name, realm, ips: [], delayMs, ports: new Map() }
    this.move(host, realm, ips)
    return host
  }

  /** Unplugs a host and plugs it in elsewhere. */
  move(host: Host<P>, realm: Realm<P>, ips: readonly string[]): void {
    for (const ip of host.ips) {
      host.realm.members.delete(ip)
      host.realm.outside?.members.delete(ip)
    }
    host.realm = realm
    host.ips = ips
    for (const ip of ips) {
      realm.members.set(ip, host)
      // Behind a plain router the addresses are the internet's own.
      if (realm.nat?.translates === false) realm.outside?.members.set(ip, realm)
    }
  }

  /** `bytes`: of the IP packet. */
  send(host: Host<P>, from: TransportAddress, to: TransportAddress, payload: P, bytes = 0): void {
    this.packets += 1
    let realm = host.realm
    let source = from
    const { ip } = addressParts(to)
    let inside: Realm<P> | undefined
    for (;;) {
      const target = realm.members.get(ip)
      if (target !== undefined) {
        if (this.isCut(source, to) || bytes > this.mtuBetween(source, to)) return
        if (target === inside && inside.nat?.hairpin !== true) return
        this.#carry(host, target, (nowMs) => this.#arrive(target, source, to, payload, nowMs))
        return
      }
      const mapped = realm.nat?.outbound(source, to, this.#clock.nowMs)
      if (mapped === undefined || realm.outside === undefined) return
      inside = realm
      source = mapped
      realm = realm.outside
    }
  }

  /** One way, without jitter. */
  delayMs(a: Host<P>, b: Host<P>): number {
    return a.realm === b.realm && a.realm !== this.internet ? LAN_DELAY_MS : a.delayMs + b.delayMs
  }

  #carry(host: Host<P>, target: Host<P> | Realm<P>, arrive: (nowMs: number) => void): void {
    const { lossRate, duplicateRate, jitterMs } = this.weather
    const copies = this.#random.chance(duplicateRate) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.chance(lossRate)) continue
      const jitter = jitterMs === 0 ? 0 : this.#random.next() * jitterMs
      const farMs = 'members' in target ? farthestDelayMs(target) : target.delayMs
      const isNear = !('members' in target) && this.delayMs(host, target) === LAN_DELAY_MS
      const delayMs = isNear ? LAN_DELAY_MS : host.delayMs + farMs
      this.#clock.after(delayMs + jitter, () => arrive(this.#clock.nowMs))
    }
  }

  #arrive(
    target: Host<P> | Realm<P>,
    from: TransportAddress,
    to: TransportAddress,
    payload: P,
    nowMs: number,
  ): void {
    if (!('members' in target)) return target.ports.get(addressParts(to).port)?.(payload, from)
    const inner = target.nat?.inbound(to, from, nowMs)
    const next = inner === undefined ? undefined : target.members.get(addressParts(inner).ip)
    if (inner !== undefined && next !== undefined) this.#arrive(next, from, inner, payload, nowMs)
  }
}

/** All hosts of a site are equally far away; of nested sites the first host stands for all. */
function farthestDelayMs<P>(realm: Realm<P>): number {
  for (const member of realm.members.values())
    return 'members' in member ? farthestDelayMs(member) : member.delayMs
  return 0
}
