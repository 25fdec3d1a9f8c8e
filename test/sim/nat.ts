// SPDX-License-Identifier: Apache-2.0
/**
 * NATs by RFC 4787: how they map (section 4.1), assign ports (4.2) and filter (5). The kinds and
 * their behaviour are those of the lab, read from the same table, so that both play the same game.
 */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { natKinds, type NatKind, type NatKindName } from '../../netns-lab/nat-kinds.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface NatOptions {
  readonly kind: NatKindName
  readonly externalIps: readonly string[]
  readonly random: SeededRandom
  readonly lifetimeMs?: number
  /** RFC 4787 REQ-9: whether inner hosts reach each other at their external addresses. */
  readonly hairpin?: boolean
}

interface Mapping {
  readonly inner: TransportAddress
  readonly external: TransportAddress
  expiresMs: number
  /** Remote addresses or transport addresses that were sent to, and until when they may answer. */
  readonly permitted: Map<string, number>
}

export class SimulatedNat {
  kind: NatKindName
  readonly hairpin: boolean
  readonly externalIps: readonly string[]
  #behaviour: NatKind
  readonly #random: SeededRandom
  readonly #lifetimeMs: number
  readonly #mappings = new Map<string, Mapping>()
  /** The newest by what the outside sees, and the first of who is inside: a search makes thousands. */
  readonly #byExternal = new Map<TransportAddress, Mapping>()
  readonly #firstOf = new Map<TransportAddress, Mapping>()
  /** By the external address and who may answer there. */
  readonly #answerable = new Map<string, Mapping>()
  #drawn = 0
  /** Where a DMZ sends what nothing else expects. */
  #exposedIp: string | undefined

  constructor({ kind, externalIps, random, lifetimeMs = 120_000, hairpin = false }: NatOptions) {
    this.kind = kind
    this.hairpin = hairpin
    this.externalIps = externalIps
    this.#behaviour = natKinds[kind]
    this.#random = random
    this.#lifetimeMs = lifetimeMs
  }

  get translates(): boolean {
    return this.#behaviour.engine.type !== 'routed'
  }

  /** The source as the outside sees it; undefined if the packet is dropped. */
  outbound(
    inner: TransportAddress,
    remote: TransportAddress,
    nowMs: number,
  ): TransportAddress | undefined {
    if (this.#behaviour.filtering === 'blocked') return undefined
    this.#exposedIp ??= addressParts(inner).ip
    const key = this.#mappingKey(inner, remote)
    let mapping = this.#mappings.get(key)
    if (mapping === undefined || mapping.expiresMs <= nowMs) {
      const external = this.#allocate(inner, remote, nowMs)
      // Its ports are used up, as by a search from behind one that has few.
      if (external === undefined) return undefined
      mapping = { inner, external, expiresMs: 0, permitted: new Map() }
      this.#mappings.set(key, mapping)
      this.#byExternal.set(mapping.external, mapping)
      if (!this.#firstOf.has(inner)) this.#firstOf.set(inner, mapping)
    }
    this.#refresh(mapping, remote, nowMs)
    return mapping.external
  }

  /** The inner destination; undefined if the packet is filtered. */
  inbound(
    external: TransportAddress,
    remote: TransportAddress,
    nowMs: number,
  ): TransportAddress | undefined {
    const mapping = this.#answerable.get(`${external} ${this.#filterKey(remote)}`)
    if (mapping !== undefined && this.#isPermitted(mapping, remote, nowMs)) {
      // Connection tracking knows flows, which packets of both directions keep alive.
      if (this.#behaviour.engine.type === 'rule') this.#refresh(mapping, remote, nowMs)
      return mapping.inner
    }
    return this.#unexpected(external)
  }

  /** All mappings are forgotten, as when the router is switched off and on. */
  reboot(): void {
    this.#mappings.clear()
    this.#byExternal.clear()
    this.#firstOf.clear()
    this.#answerable.clear()
  }

  /** Another firmware or another rule: behaves otherwise from now on, and nobody is told. */
  become(kind: NatKindName): void {
    this.kind = kind
    this.#behaviour = natKinds[kind]
  }

  #unexpected(external: TransportAddress): TransportAddress | undefined {
    if (!this.translates && this.#behaviour.filtering === 'endpoint-independent') return external
    if (this.kind !== 'dmz' || this.#exposedIp === undefined) return undefined
    return made(this.#exposedIp, addressParts(external).port)
  }

  #refresh(mapping: Mapping, remote: TransportAddress, nowMs: number): void {
    mapping.expiresMs = nowMs + this.#lifetimeMs
    const filterKey = this.#filterKey(remote)
    mapping.permitted.set(filterKey, mapping.expiresMs)
    this.#answerable.set(`${mapping.external} ${filterKey}`, mapping)
  }

  #isPermitted(mapping: Mapping, remote: TransportAddress, nowMs: number): boolean {
    return (mapping.permitted.get(this.#filterKey(remote)) ?? 0) > nowMs
  }

  #filterKey(remote: TransportAddress): string {
    const { filtering } = this.#behaviour
    if (filtering === 'endpoint-independent') return 'anybody'
    return filtering === 'address-dependent' ? addressParts(remote).ip : remote
  }

  #mappingKey(inner: TransportAddress, remote: TransportAddress): string {
    // Plain conntrack maps flows; that they mostly share a port is the allocation's doing.
    if (this.#isFlowBased()) return `${inner} ${remote}`
    const { mapping } = this.#behaviour
    if (mapping === 'address-dependent') return `${inner} ${addressParts(remote).ip}`
    return mapping === 'address-and-port-dependent' ? `${inner} ${remote}` : inner
  }

  #isFlowBased(): boolean {
    return this.kind === 'masquerade' || this.kind === 'dmz'
  }

  #allocate(
    inner: TransportAddress,
    remote: TransportAddress,
    nowMs: number,
  ): TransportAddress | undefined {
    if (!this.translates) return inner
    const ip =
      this.externalIps.length === 1 ? this.externalIps[0]! : this.#random.pick(this.externalIps)
    for (const port of this.#wantedPorts(inner)) {
      const external = made(ip, port)
      if (this.#isFree(external, inner, remote, nowMs)) return external
    }
    return undefined
  }

  *#wantedPorts(inner: TransportAddress): Generator<number> {
    const { ports } = this.#behaviour
    if (ports === 'preserving') {
      // Conntrack reuses a live mapping of the same source before it keeps the inner port.
      const reused = this.#firstOf.get(inner)
      if (this.#isFlowBased() && reused !== undefined) yield addressParts(reused.external).port
      yield addressParts(inner).port
    }
    for (let tries = 0; tries < 10_000; tries++)
      yield ports === 'sequential'
        ? 40_000 + (this.#drawn++ % 200)
        : this.#random.integer(1_024, 65_535)
  }

  #isFree(
    external: TransportAddress,
    inner: TransportAddress,
    remote: TransportAddress,
    nowMs: number,
  ): boolean {
    if (this.#isFlowBased()) {
      // A port may serve several flows as long as the remote tells them apart.
      const flow = this.#answerable.get(`${external} ${this.#filterKey(remote)}`)
      return flow === undefined || flow.expiresMs <= nowMs || flow.inner === inner
    }
    return (this.#byExternal.get(external)?.expiresMs ?? 0) <= nowMs
  }
}

function made(ip: string, port: number): TransportAddress {
  const address = transportAddress(ip, port)
  if (!address.ok) throw new Error(`not an address: ${ip} ${port}`)
  return address.value
}
