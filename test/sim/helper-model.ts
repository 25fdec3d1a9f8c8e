// SPDX-License-Identifier: Apache-2.0
/**
 * The helper of the simulation: what native/PROTOCOL.md says of probes, paths, STUN, statistics and
 * links, as plain objects over the simulated network. It keeps what it was told while no agent listens.
 */
import type { TransportAddress } from '../../nat/address.ts'
import { toHex } from '../../nat/hex.ts'
import type { MeasureOutcome } from '../../nat/path-mtu.ts'
import type {
  ApplyResult,
  DesiredPath,
  DesiredPeer,
  DesiredState,
  HelperEvent,
  HelperPeer,
  HelperState,
} from '../../agent/core/helper-contract.ts'
import { CandidateProbes } from './candidate-probes.ts'
import { problemsOf } from './desired-check.ts'
import { differences } from './desired-differences.ts'
import type { Frame, Packet, ProbePacket, RelayFrame, Way } from './frame.ts'
import { FEATURES, onlyLink, quietHello, quietState } from './idle-state.ts'
import { KnownPlaces } from './known-places.ts'
import { MeasureModel, type MeasureRequest } from './measure-model.ts'
import { Outbound } from './outbound.ts'
import { PathModel } from './path-model.ts'
import type { Host, SimulatedNetwork } from './network.ts'
import { RelayModel } from './relay-model.ts'
import { SearchModel } from './search-model.ts'
import type { SeededRandom } from './seeded-random.ts'
import { answerAddress, bindingSuccess } from './simulated-stun.ts'
import { TurnModel } from './turn-model.ts'
import type { SimulatedTurnServer } from './turn-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface HelperModelOptions {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork<Frame>
  readonly host: Host<Frame>
  readonly random: SeededRandom
  /** WireGuard public key, base64. */
  readonly publicKey: string
  readonly listenPort: number
  /** Undefined: no TURN server answers. */
  readonly turnServer?: SimulatedTurnServer | undefined
  readonly emit: (event: HelperEvent) => void
}

const STATS_PERIOD_MS = 2_000
const LINKS_SETTLE_MS = 200

export class HelperModel {
  readonly #options: HelperModelOptions
  readonly #paths: PathModel
  readonly candidates = new CandidateProbes()
  readonly #measures: MeasureModel
  readonly #outbound: Outbound
  readonly #places = new KnownPlaces()
  readonly #turn: TurnModel
  readonly relay = new RelayModel()
  readonly search: SearchModel
  /** Bytes of traffic that arrived, by sender. */
  readonly delivered = new Map<string, number>()
  readonly #sentBytes = new Map<string, number>()
  #desired: DesiredState = { device: null, routes: [], peers: [] }
  #generation = 0
  instance: string
  /** None: it is from before there were any. */
  features: readonly string[] = FEATURES

  constructor(options: HelperModelOptions) {
    const { clock, network, host, random, publicKey, listenPort, emit } = options
    this.#options = options
    this.instance = toHex(random.entropy(4))
    host.ports.set(options.listenPort, (frame, from) => this.#receive(frame, from))
    this.#turn = new TurnModel({
      clock,
      host,
      server: options.turnServer,
      emit,
      receive: (server, frame, from) => this.#receiveTurned(server, frame, from),
      onUp: () => this.#paths.turnIsUp(),
    })
    this.#outbound = new Outbound({
      network,
      host,
      listenPort,
      directOf: (peer) => this.#paths.directOf(peer),
      turnedOf: (peer) => this.#paths.turnedOf(peer),
      turn: this.#turn,
      owns: (peer, socket) => this.search.owns(peer, socket),
    })
    this.#paths = new PathModel({
      clock,
      emit,
      newTransaction: () => toHex(random.entropy(16)),
      send: (peer, path, transaction) =>
        this.#outbound.sendOver(path, {
          kind: 'probe',
          sender: publicKey,
          receiver: peer,
          transaction,
        }),
    })
    this.search = new SearchModel({
      clock,
      emit,
      knowsNames: () => this.features.includes('search-transaction'),
      open: (socket) =>
        host.ports.set(socket, (frame, from) => this.#receiveAt(socket, frame, from)),
      close: (socket) => host.ports.delete(socket),
      probe: (receiver, to, socket) => {
        const transaction = toHex(random.entropy(16))
        this.#outbound.send(to, { kind: 'probe', sender: publicKey, receiver, transaction }, socket)
      },
    })
    this.#measures = new MeasureModel({
      clock,
      random,
      publicKey,
      send: (path, packet) => this.#outbound.sendOver(path, packet),
    })
    clock.every(STATS_PERIOD_MS, () => {
      this.search.keep(this.#desired.peers)
      const peers = this.#paths.takeChanged().map((peer) => this.#peerState(peer))
      if (peers.length > 0) emit({ method: 'stats', peers, turn: [] })
    })
  }

  get desired(): DesiredState {
    return this.#desired
  }

  get hello() {
    return quietHello(this)
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
    this.#turn.keep(desired)
    this.#paths.keep(desired.peers)
    this.search.keep(desired.peers)
    return { generation: this.#generation, changed }
  }

  /** A crash of the helper: the next one knows nothing. */
  restart(): void {
    this.instance = toHex(this.#options.random.entropy(4))
    this.candidates.clear()
    this.#places.clear()
    this.search.restart()
    this.apply({ device: null, routes: [], peers: [] })
  }

  probe(peer: string, endpoint: TransportAddress, transaction: string): void {
    const { publicKey: sender, clock } = this.#options
    if (this.candidates.ask(transaction, { peer, endpoint, sentMs: clock.nowMs }))
      this.#outbound.send(endpoint, { kind: 'probe', sender, receiver: peer, transaction })
  }

  measure(path: string, request: MeasureRequest, done: (outcome: MeasureOutcome) => void): void {
    const peer = this.#desired.peers.find(({ publicKey }) => publicKey === request.peer)
    const wanted = peer?.paths.find(({ id }) => id === path)
    this.#measures.measure(wanted, request, done)
  }

  /** A packet of the session with a peer, over the path that carries its traffic. */
  sendTraffic(peer: string, bytes: number): void {
    const path = this.#paths.activeOf(peer)
    const sender = this.#options.publicKey
    this.#sentBytes.set(peer, (this.#sentBytes.get(peer) ?? 0) + bytes)
    this.#paths.noticeTraffic(peer)
    if (path !== undefined)
      this.#outbound.sendOver(path, { kind: 'wireguard', sender, receiver: peer, bytes })
  }

  /** What carries the traffic with a peer, if anything does. */
  carrierOf(peer: string): DesiredPath | undefined {
    return this.#paths.carrierOf(peer)
  }

  sendDatagram(to: TransportAddress, payload: Uint8Array): void {
    this.#outbound.send(to, { kind: 'stun', payload })
  }

  /** The host's addresses changed: the agent hears of it when they have settled. */
  linksChanged(): void {
    const { clock, emit, host } = this.#options
    clock.after(LINKS_SETTLE_MS, () =>
      emit({ method: 'links-changed', links: [onlyLink(host.ips)] }),
    )
  }

  state(): HelperState {
    return {
      ...quietState(this.#desired, this.#options, [onlyLink(this.#options.host.ips)]),
      instance: this.instance,
      generation: this.#generation,
      turn: this.#turn.states,
      relayed: this.relay.counters,
      peers: this.#desired.peers.map((peer) => this.#peerState(peer)),
    }
  }

  #peerState(peer: DesiredPeer): HelperPeer {
    const { publicKey, allowedIps, keepaliveMs } = peer
    const rxBytes = this.delivered.get(publicKey) ?? 0
    const txBytes = this.#sentBytes.get(publicKey) ?? 0
    const counters = { rxBytes, txBytes, lastHandshakeMs: null }
    return { publicKey, allowedIps, keepaliveMs, ...counters, ...this.#paths.stateOf(peer) }
  }

  #receive(frame: Frame, from: TransportAddress): void {
    if (frame.kind === 'stun') this.#receiveStun(frame.payload, from)
    else if (frame.kind === 'relay') this.#receiveRelayed(frame, from)
    else this.#receivePacket(frame, { kind: 'direct', from })
  }

  #receiveTurned(server: string, frame: Frame, from: TransportAddress): void {
    if (frame.kind === 'relay') this.#receiveRelayed(frame, from, server)
    else if (frame.kind !== 'stun') this.#receivePacket(frame, { kind: 'turn', from, server })
  }

  #receiveAt(socket: number, frame: Frame, from: TransportAddress): void {
    if (frame.kind === 'stun' || frame.kind === 'relay') return
    if (this.search.owns(frame.sender, socket))
      this.#receivePacket(frame, { kind: 'direct', from, socket })
  }

  #receiveRelayed(frame: RelayFrame, from: TransportAddress, server?: string): void {
    const { publicKey: self, clock } = this.#options
    const { hop, source, otherHub, payload } = frame
    // A stranger gets no answer, and neither does a member that speaks for another.
    if (!this.#places.isAt(hop.sender, from, server) || hop.receiver !== self) return
    if (frame.destination === self) {
      if (frame.hopsLeft !== 0 || payload.sender !== source) return
      const via = otherHub === undefined ? [hop.sender] : [hop.sender, otherHub]
      return this.#receivePacket(payload, { kind: 'relay', via, from })
    }
    const onward = this.relay.forward(frame, {
      self,
      serves: this.#desired.device?.relay === true,
      nowMs: clock.nowMs,
      hasDirectPath: (peer) => this.#paths.directOf(peer) !== undefined,
    })
    const to = onward && this.#paths.directOf(onward.hop.receiver)
    if (onward !== undefined && to !== undefined) this.#outbound.send(to, onward)
  }

  #receivePacket(packet: Packet, way: Way): void {
    const { sender, receiver } = packet
    const peer = this.#desired.peers.find(({ publicKey }) => publicKey === sender)
    if (peer === undefined || receiver !== this.#options.publicKey) return
    if (way.kind === 'turn') this.#places.met(sender, way.from, way.server)
    if (way.kind === 'direct') {
      if (way.socket === undefined) this.#places.met(sender, way.from)
      if (packet.kind === 'probe') this.search.met(sender, way.from, way.socket)
    }
    if (packet.kind === 'wireguard')
      this.delivered.set(sender, (this.delivered.get(sender) ?? 0) + packet.bytes)
    else if (packet.observed === undefined) this.#answerProbe(packet, way)
    else this.#takeReply(peer, packet.transaction, packet.observed)
  }

  #takeReply(peer: DesiredPeer, transaction: string, observed: TransportAddress): void {
    if (this.#measures.answered(transaction)) return
    const { publicKey } = peer
    const open = this.candidates.take(transaction)
    if (open === undefined) return this.#paths.answered(peer, transaction)
    if (open.peer !== publicKey) return
    const rttUs = Math.round((this.#options.clock.nowMs - open.sentMs) * 1000)
    const reply = { peer: publicKey, endpoint: open.endpoint, transaction, rttUs, observed }
    this.#options.emit({ method: 'probe-reply', ...reply })
  }

  #answerProbe({ sender, transaction, bytes }: ProbePacket, way: Way): void {
    const { clock, publicKey, emit } = this.#options
    const whole = { sender: publicKey, receiver: sender, transaction, observed: way.from }
    this.#outbound.answer(way, { kind: 'probe', ...whole, ...(bytes !== undefined && { bytes }) })
    // The address is a hub's, or the peer's towards a punched socket: it says nothing of where the peer can be reached.
    if (way.kind === 'relay' || (way.kind === 'direct' && way.socket !== undefined)) return
    const server = way.kind === 'turn' ? way.server : undefined
    if (this.#places.tells(sender, way.from, server, clock.nowMs))
      emit({ method: 'probe-heard', peer: sender, from: way.from, server: server ?? null })
  }

  #receiveStun(payload: Uint8Array, from: TransportAddress): void {
    const answer = bindingSuccess(payload, from)
    if (answer === undefined) this.#options.emit({ method: 'datagram', from, payload })
    else if (this.#desired.device?.stunServer === true)
      this.sendDatagram(answerAddress(payload, from), answer)
  }
}
