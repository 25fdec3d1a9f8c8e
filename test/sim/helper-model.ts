// SPDX-License-Identifier: Apache-2.0
/**
 * The helper of the simulation: what native/PROTOCOL.md says of probes, paths, STUN, statistics and
 * links, as plain objects over the simulated network. It keeps what it was told while no agent listens.
 */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { toHex } from '../../nat/hex.ts'
import type {
  ApplyResult,
  DesiredPeer,
  DesiredState,
  HelperEvent,
  HelperHello,
  HelperLink,
  HelperPeer,
  HelperState,
} from '../../agent/core/helper-contract.ts'
import { problemsOf } from './desired-check.ts'
import { PathModel } from './path-model.ts'
import type { Host, SimulatedNetwork } from './network.ts'
import type { SeededRandom } from './seeded-random.ts'
import { bindingSuccess } from './simulated-stun.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What crosses the simulated wire. Probes are sealed there: only the pair can make or read one. */
export type Frame =
  | { readonly kind: 'stun'; readonly payload: Uint8Array }
  | {
      readonly kind: 'probe'
      readonly sender: string
      readonly receiver: string
      readonly transaction: string
      /** In a reply: where the request came from. */
      readonly observed?: TransportAddress
    }

export interface HelperModelOptions {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork<Frame>
  readonly host: Host<Frame>
  readonly random: SeededRandom
  /** WireGuard public key, base64. */
  readonly publicKey: string
  readonly listenPort: number
  readonly emit: (event: HelperEvent) => void
}

const STATS_PERIOD_MS = 2_000
const HEARD_PERIOD_MS = 1_000
const LINKS_SETTLE_MS = 200
const PROBES_PER_PEER_MAX = 64
const PROBE_TIMEOUT_MS = 3_000

interface OpenProbe {
  readonly peer: string
  readonly endpoint: TransportAddress
  readonly sentMs: number
}

export class HelperModel {
  readonly #options: HelperModelOptions
  readonly #paths: PathModel
  readonly #open = new Map<string, OpenProbe>()
  readonly #heardMs = new Map<string, number>()
  #desired: DesiredState = { device: null, routes: [], peers: [] }
  #generation = 0
  instance: string
  /** Probes beyond the protocol's bounds, which a sound agent never sends. */
  refusedProbes = 0

  constructor(options: HelperModelOptions) {
    const { clock, host, random, emit } = options
    this.#options = options
    this.instance = toHex(random.entropy(4))
    host.receive = (frame, from) => this.#receive(frame, from)
    this.#paths = new PathModel({
      clock,
      emit,
      newTransaction: () => toHex(random.entropy(16)),
      send: (peer, endpoint, transaction) => this.#sendProbe(peer, endpoint, transaction),
    })
    clock.every(STATS_PERIOD_MS, () => {
      const peers = this.#paths.takeChanged().map((peer) => this.#peerState(peer))
      if (peers.length > 0) emit({ method: 'stats', peers })
    })
  }

  get desired(): DesiredState {
    return this.#desired
  }

  get hello(): HelperHello {
    const { instance } = this
    return {
      protocol: 1,
      helper: 'model',
      engine: 'userspace',
      engineReason: 'a simulation',
      instance,
    }
  }

  apply(desired: DesiredState): ApplyResult {
    // Every document is made by the same code: the first ones and then some of them are looked at.
    if (this.#generation < 8 || this.#generation % 32 === 0) {
      const problems = problemsOf(desired)
      if (problems.length > 0) throw new Error(`refused: ${JSON.stringify(problems)}`)
    }
    const changed = differences(this.#desired, desired)
    if (changed.length > 0) this.#generation += 1
    this.#desired = desired
    this.#paths.keep(desired.peers)
    return { generation: this.#generation, changed }
  }

  /** A crash of the helper: the next one knows nothing. */
  restart(): void {
    this.instance = toHex(this.#options.random.entropy(4))
    this.#open.clear()
    this.apply({ device: null, routes: [], peers: [] })
  }

  probe(peer: string, endpoint: TransportAddress, transaction: string): void {
    const nowMs = this.#options.clock.nowMs
    let outstanding = 0
    for (const [key, open] of this.#open) {
      if (nowMs - open.sentMs > PROBE_TIMEOUT_MS) this.#open.delete(key)
      else if (open.peer === peer) outstanding += 1
    }
    if (outstanding >= PROBES_PER_PEER_MAX) this.refusedProbes += 1
    else {
      this.#open.set(transaction, { peer, endpoint, sentMs: nowMs })
      this.#sendProbe(peer, endpoint, transaction)
    }
  }

  sendDatagram(to: TransportAddress, payload: Uint8Array): void {
    this.#send(to, { kind: 'stun', payload })
  }

  /** The host's addresses changed: the agent hears of it when they have settled. */
  linksChanged(): void {
    const { clock, emit } = this.#options
    clock.after(LINKS_SETTLE_MS, () => emit({ method: 'links-changed', links: this.#links() }))
  }

  state(): HelperState {
    const { publicKey, listenPort } = this.#options
    const { device, routes, peers } = this.#desired
    return {
      instance: this.instance,
      engine: 'userspace',
      generation: this.#generation,
      device: device && {
        name: device.name,
        index: 7,
        mtu: device.mtu,
        listenPort,
        publicKey,
        addresses: device.addresses,
        stunServer: device.stunServer,
      },
      routes,
      links: this.#links(),
      peers: peers.map((peer) => this.#peerState(peer)),
    }
  }

  #links(): HelperLink[] {
    const addresses = this.#options.host.ips.map((ip) => `${ip}/${ip.includes(':') ? 64 : 24}`)
    return [{ name: 'eth0', index: 2, up: true, mtu: 1500, addresses }]
  }

  #peerState(peer: DesiredPeer): HelperPeer {
    const { publicKey, allowedIps, keepaliveMs } = peer
    const counters = { rxBytes: 0, txBytes: 0, lastHandshakeMs: null }
    return { publicKey, allowedIps, keepaliveMs, ...counters, ...this.#paths.stateOf(peer) }
  }

  #receive(frame: Frame, from: TransportAddress): void {
    if (frame.kind === 'stun') return this.#receiveStun(frame.payload, from)
    const peer = this.#desired.peers.find(({ publicKey }) => publicKey === frame.sender)
    if (peer === undefined || frame.receiver !== this.#options.publicKey) return
    if (frame.observed === undefined)
      return this.#answerProbe(frame.sender, from, frame.transaction)
    const nowMs = this.#options.clock.nowMs
    const open = this.#open.get(frame.transaction)
    if (open === undefined) return this.#paths.answered(peer, frame.transaction)
    if (open.peer !== frame.sender) return
    this.#open.delete(frame.transaction)
    const { transaction, observed } = frame
    const rttUs = Math.round((nowMs - open.sentMs) * 1000)
    const { endpoint } = open
    this.#options.emit({
      method: 'probe-reply',
      peer: open.peer,
      endpoint,
      transaction,
      rttUs,
      observed,
    })
  }

  #answerProbe(sender: string, from: TransportAddress, transaction: string): void {
    const { clock, publicKey, emit } = this.#options
    this.#send(from, {
      kind: 'probe',
      sender: publicKey,
      receiver: sender,
      transaction,
      observed: from,
    })
    const pair = `${sender} ${from}`
    if (clock.nowMs - (this.#heardMs.get(pair) ?? -Infinity) < HEARD_PERIOD_MS) return
    this.#heardMs.set(pair, clock.nowMs)
    emit({ method: 'probe-heard', peer: sender, from })
  }

  #receiveStun(payload: Uint8Array, from: TransportAddress): void {
    const answer = bindingSuccess(payload, from)
    if (answer === undefined) this.#options.emit({ method: 'datagram', from, payload })
    else if (this.#desired.device?.stunServer === true) this.sendDatagram(from, answer)
  }

  #sendProbe(peer: string, endpoint: TransportAddress, transaction: string): void {
    const sender = this.#options.publicKey
    this.#send(endpoint, { kind: 'probe', sender, receiver: peer, transaction })
  }

  #send(to: TransportAddress, frame: Frame): void {
    const { host, network, listenPort } = this.#options
    const isIpv6 = addressParts(to).family === 'ipv6'
    const ip = host.ips.find((own) => own.includes(':') === isIpv6)
    const from = ip === undefined ? undefined : transportAddress(ip, listenPort)
    if (from?.ok === true) network.send(host, from.value, to, frame)
  }
}

function differences(before: DesiredState, after: DesiredState): string[] {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  const changed: string[] = []
  if (!same(before.device, after.device)) changed.push('device')
  if (!same(before.routes, after.routes)) changed.push('routes')
  const old = new Map(before.peers.map((peer) => [peer.publicKey, peer]))
  for (const peer of after.peers) {
    const known = old.get(peer.publicKey)
    if (known === undefined) changed.push(`peer add ${peer.publicKey}`)
    else if (!samePaths(known, peer)) changed.push(`peer paths ${peer.publicKey}`)
    else if (known.keepaliveMs !== peer.keepaliveMs) changed.push(`peer change ${peer.publicKey}`)
    old.delete(peer.publicKey)
  }
  for (const key of old.keys()) changed.push(`peer del ${key}`)
  return changed
}

function samePaths({ paths: a }: DesiredPeer, { paths: b }: DesiredPeer): boolean {
  return a.length === b.length && a.every((path, i) => path.id === b[i]?.id)
}
