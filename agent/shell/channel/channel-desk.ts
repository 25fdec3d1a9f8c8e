// SPDX-License-Identifier: Apache-2.0
/**
 * Sets up data channels: what the channel process says of its sessions goes out as signals, and the signals that come in go
 * to the process. Who may speak, and how often, is decided here; the process sees nothing that was not signed by a member.
 *
 * If both sides offer at once, the offer of the lower node id stands, and its receiver answers.
 */
import { addressParts } from '../../../nat/address.ts'
import type { WallTime } from '../../../nat/clock.ts'
import { toHex } from '../../../nat/hex.ts'
import type { Crypto, Signer } from '../../../topology/crypto.ts'
import type { NetworkId, NodeId } from '../../../topology/identity.ts'
import {
  type ChannelCandidate,
  type IceCredentials,
  type Signal,
  SIGNAL_CANDIDATES_MAX,
  type SignalKind,
  SIGNALS_PER_SESSION_MAX,
  signSignal,
} from '../../../topology/signal.ts'
import type { Log } from '../log.ts'
import { RateLimit } from '../underlay/rate-limit.ts'
import type { ChannelOrder, ChannelReport, IceServer } from './channel-message.ts'

export interface ChannelDeskOptions {
  readonly self: NodeId
  readonly network: NetworkId
  readonly signer: Signer
  readonly crypto: Pick<Crypto, 'randomBytes'>
  readonly log: Log
  readonly wall: () => WallTime
  /** The control plane must not ride the tunnels that it repairs, and neither must ciphertext. */
  isMeshAddress(ip: string): boolean
  /** The member's WireGuard public key, base64; undefined if it is no member. */
  helperNameOf(node: NodeId): string | undefined
  iceServers(): readonly IceServer[]
  /** To the channel process. */
  order(order: ChannelOrder): void
  /** To the member, over whoever reaches it. */
  readonly signal: (to: NodeId, signal: Uint8Array) => void
  onChannel(node: NodeId, isOpen: boolean, detail: string): void
}

interface Session {
  readonly id: string
  readonly node: NodeId
  readonly role: 'offer' | 'answer'
  /** Signals sent, and taken. */
  sent: number
  taken: number
  isAnswered: boolean
  isOpen: boolean
}

/** Sessions under way at once: each costs the process sockets and a handshake. */
const PENDING_MAX = 32
/** Offers that one member may make: a few at once, then one in ten seconds. */
const OFFERS_PER_SECOND = 0.1
const OFFERS_BURST = 4

export class ChannelDesk {
  readonly #options: ChannelDeskOptions
  readonly #sessions = new Map<string, Session>()
  readonly #offers = new RateLimit(OFFERS_PER_SECOND, OFFERS_BURST)

  constructor(options: ChannelDeskOptions) {
    this.#options = options
  }

  /** Nothing stands, and nothing is under way. */
  get isIdle(): boolean {
    return this.#sessions.size === 0
  }

  /** Asks a member for a channel, unless that is under way. */
  open(node: NodeId): void {
    if (this.#pendingOf(node) !== undefined) return
    const id = toHex(this.#options.crypto.randomBytes(16))
    if (!this.#begin({ id, node, role: 'offer' }, null, [])) {
      this.#options.onChannel(node, false, 'too many channels are being set up')
    }
  }

  close(node: NodeId): void {
    for (const session of this.#sessions.values())
      if (session.node === node) this.#options.order({ kind: 'close', session: session.id })
  }

  /** A signal to this node, of a member, that was not heard before. */
  takeSignal(signal: Signal): void {
    if (signal.kind === 'offer') return this.#takeOffer(signal)
    const session = this.#sessions.get(signal.session)
    if (session === undefined || session.node !== signal.from) return
    if (++session.taken > SIGNALS_PER_SESSION_MAX) return
    const candidates = this.#usable(signal.candidates)
    if (signal.kind === 'answer' && signal.ice !== null) {
      if (session.role !== 'offer' || session.isAnswered) return
      session.isAnswered = true
      this.#options.order({ kind: 'answered', session: session.id, remote: signal.ice })
    }
    if (candidates.length > 0)
      this.#options.order({ kind: 'candidates', session: session.id, candidates })
  }

  /** What the channel process says. */
  takeReport(report: ChannelReport): void {
    const session = this.#sessions.get(report.session)
    if (session === undefined) return
    switch (report.kind) {
      case 'description':
        return this.#say(session, session.role, report.ice, report.candidates)
      case 'candidates':
        return this.#say(session, 'candidates', null, report.candidates)
      case 'opened':
        session.isOpen = true
        return this.#options.onChannel(session.node, true, report.over)
      case 'closed':
        return this.#end(session, report.reason)
    }
  }

  /** The channel process is gone. */
  lose(reason: string): void {
    const lost = [...this.#sessions.values()]
    for (const session of lost) this.#end(session, `the channel process is gone: ${reason}`)
  }

  #takeOffer({ session: id, from, ice, candidates }: Signal): void {
    if (ice === null || this.#sessions.has(id) || !this.#offers.take(from)) return
    const own = this.#pendingOf(from)
    if (own !== undefined) {
      if (own.role === 'offer' && this.#options.self < from) return
      this.#options.order({ kind: 'close', session: own.id })
    }
    this.#begin({ id, node: from, role: 'answer' }, ice, this.#usable(candidates))
  }

  #begin(
    { id, node, role }: Pick<Session, 'id' | 'node' | 'role'>,
    remote: IceCredentials | null,
    candidates: readonly ChannelCandidate[],
  ): boolean {
    const peer = this.#options.helperNameOf(node)
    const pending = [...this.#sessions.values()].filter(({ isOpen }) => !isOpen)
    if (peer === undefined || pending.length >= PENDING_MAX) return false
    const fresh = { sent: 0, taken: 0, isAnswered: false, isOpen: false }
    this.#sessions.set(id, { id, node, role, ...fresh })
    const iceServers = this.#options.iceServers()
    this.#options.order({ kind: 'open', session: id, peer, iceServers, remote, candidates })
    this.#options.log.debug({ node, session: id, role }, 'setting up a data channel')
    return true
  }

  #say(
    session: Session,
    kind: SignalKind,
    ice: IceCredentials | null,
    found: readonly ChannelCandidate[],
  ): void {
    const { self: from, network, signer, wall, signal } = this.#options
    const candidates = this.#usable(found)
    if (session.sent >= SIGNALS_PER_SESSION_MAX || (ice === null && candidates.length === 0)) return
    const { node: to, id } = session
    const sequence = session.sent++
    const document = {
      network,
      from,
      to,
      session: id,
      sequence,
      issuedAt: wall(),
      kind,
      ice,
      candidates,
    }
    signal(to, signSignal(document, signer))
  }

  #usable(candidates: readonly ChannelCandidate[]): ChannelCandidate[] {
    return candidates
      .filter(({ address }) => !this.#options.isMeshAddress(addressParts(address).ip))
      .slice(0, SIGNAL_CANDIDATES_MAX)
  }

  #end(session: Session, reason: string): void {
    this.#sessions.delete(session.id)
    const { node } = session
    this.#options.log.debug({ node, session: session.id, reason }, 'data channel ended')
    // One that has been replaced, or gave way to the other side's, is no news.
    if (this.#openOf(node) !== undefined || this.#pendingOf(node) !== undefined) return
    this.#options.onChannel(node, false, reason)
  }

  #pendingOf(node: NodeId): Session | undefined {
    return [...this.#sessions.values()].find((one) => one.node === node && !one.isOpen)
  }

  /** The last one: an older one is on its way out. */
  #openOf(node: NodeId): Session | undefined {
    return [...this.#sessions.values()].findLast((one) => one.node === node && one.isOpen)
  }
}
