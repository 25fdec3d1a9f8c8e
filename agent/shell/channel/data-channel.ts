// SPDX-License-Identifier: Apache-2.0
/**
 * One session with one peer: a peer connection (ICE, DTLS, SCTP) with one channel in it, which loses what the network loses,
 * in any order, because what runs inside WireGuard repairs that itself.
 *
 * The library never says that it has failed where no candidate works, so a session has a deadline of its own. It also lets the
 * peer in by ICE a moment before it knows the peer's certificate, and takes one that comes in that moment for a wrong one.
 * So whoever offers says where it is once it has set the answer; until then there is nobody who could come.
 */
import type { DataChannel, PeerConnection } from 'node-datachannel'
import type { ChannelCandidate, IceCredentials } from '../../../topology/signal.ts'
import type { IceServer } from './channel-message.ts'
import {
  candidateLine,
  candidateOf,
  credentialsOf,
  MEDIA_ID,
  sessionDescription,
} from './session-description.ts'

/** The part of the library that is used; it is loaded once, in the channel process only. */
export interface DataChannelLibrary {
  readonly PeerConnection: new (
    name: string,
    config: ConstructorParameters<typeof PeerConnection>[1],
  ) => PeerConnection
}

/** Most servers answer within this; candidates that come later are signalled later. */
const GATHER_MS = 400
/** From the beginning: an offer must have been answered, and a pair of candidates found. */
const OPEN_DEADLINE_MS = 15_000
/** What may wait in the channel: 50 ms at 40 Mbit/s. Beyond it packets are lost, as in any queue. */
const WAITING_BYTES_MAX = 262_144
/** The one channel's name. */
const LABEL = 'ciphertext'
/** What a network has lost is not asked for again. */
const LOSSY = { unordered: true, maxRetransmits: 0 } as const

export interface DataChannelOptions {
  readonly iceServers: readonly IceServer[]
  /** The offer to answer; null to make one. */
  readonly remote: IceCredentials | null
  onDescription(ice: IceCredentials, candidates: readonly ChannelCandidate[]): void
  onCandidates(candidates: readonly ChannelCandidate[]): void
  onOpen(over: string): void
  /** Once, and nothing follows. */
  onClosed(reason: string): void
  onPacket(packet: Buffer): void
}

export class DataChannelSession {
  readonly #options: DataChannelOptions
  readonly #connection: PeerConnection
  readonly #deadline: NodeJS.Timeout
  readonly #role: 'offer' | 'answer'
  #channel: DataChannel | undefined
  #ice: IceCredentials | undefined
  #found: ChannelCandidate[] = []
  #gathered: NodeJS.Timeout | undefined
  #isDescribed = false
  #isOpen = false
  #isClosed = false
  #remoteCandidates = 0
  /** Candidates that came before the description that they belong to. */
  #early: ChannelCandidate[] | undefined = []

  constructor({ PeerConnection }: DataChannelLibrary, options: DataChannelOptions) {
    this.#options = options
    this.#role = options.remote === null ? 'offer' : 'answer'
    this.#connection = new PeerConnection('', { iceServers: options.iceServers.map(serverOf) })
    this.#deadline = setTimeout(
      () => this.#end(`no way to the peer within ${OPEN_DEADLINE_MS / 1000} s`),
      OPEN_DEADLINE_MS,
    )
    this.#listen()
    if (options.remote === null) {
      this.#take(this.#connection.createDataChannel(LABEL, LOSSY))
    } else {
      this.#setRemote(options.remote, 'offer')
    }
  }

  /** The peer's answer to our offer. */
  answered(remote: IceCredentials): void {
    if (this.#role !== 'offer' || this.#early === undefined) return
    this.#setRemote(remote, 'answer')
    this.#tellFound()
  }

  addCandidates(candidates: readonly ChannelCandidate[]): void {
    if (this.#early !== undefined) {
      this.#early.push(...candidates)
      return
    }
    for (const candidate of candidates) {
      const line = candidateLine(candidate, this.#remoteCandidates++)
      this.#guarded(() => this.#connection.addRemoteCandidate(line, MEDIA_ID))
    }
  }

  send(packet: Buffer): void {
    const channel = this.#channel
    if (!this.#isOpen || channel === undefined || channel.bufferedAmount() > WAITING_BYTES_MAX)
      return
    this.#guarded(() => channel.sendMessageBinary(packet))
  }

  close(): void {
    this.#end('closed by this side')
  }

  #listen(): void {
    const connection = this.#connection
    // All of them before anything is begun: what happens before is told to nobody.
    connection.onLocalDescription((sdp) => {
      this.#ice = credentialsOf(sdp)
      if (this.#role === 'offer') this.#describe()
      else this.#gathered ??= setTimeout(() => this.#describe(), GATHER_MS)
    })
    connection.onLocalCandidate((line) => {
      const candidate = candidateOf(line)
      if (candidate !== undefined) this.#found.push(candidate)
      this.#tellFound()
    })
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#describe()
    })
    connection.onStateChange((state) => {
      if (state === 'failed' || state === 'closed') this.#end(`the connection is ${state}`)
    })
    connection.onDataChannel((channel) => this.#take(channel))
  }

  #take(channel: DataChannel): void {
    if (this.#channel !== undefined || channel.getLabel() !== LABEL) return channel.close()
    this.#channel = channel
    channel.onOpen(() => this.#checkOpen())
    channel.onClosed(() => this.#end('closed by the peer'))
    channel.onError((error) => this.#end(error))
    channel.onMessage((message) => {
      if (typeof message === 'string') return
      this.#options.onPacket(Buffer.isBuffer(message) ? message : Buffer.from(message))
    })
    this.#checkOpen()
  }

  #checkOpen(): void {
    if (this.#isOpen || this.#isClosed || this.#channel?.isOpen() !== true) return
    this.#isOpen = true
    clearTimeout(this.#deadline)
    const pair = this.#connection.getSelectedCandidatePair()
    this.#options.onOpen(pair === null ? 'unknown' : `${pair.local.type} to ${pair.remote.type}`)
  }

  #setRemote(remote: IceCredentials, role: 'offer' | 'answer'): void {
    this.#guarded(() =>
      this.#connection.setRemoteDescription(sessionDescription(remote, role), role),
    )
    const early = this.#early ?? []
    this.#early = undefined
    this.addCandidates(early)
  }

  #describe(): void {
    clearTimeout(this.#gathered)
    if (this.#isDescribed || this.#isClosed) return
    if (this.#ice === undefined) return this.#end('the library describes no session')
    this.#isDescribed = true
    this.#options.onDescription(this.#ice, this.#role === 'offer' ? [] : this.#found.splice(0))
  }

  #tellFound(): void {
    const knowsPeer = this.#early === undefined
    if (this.#isClosed || !this.#isDescribed || !knowsPeer || this.#found.length === 0) return
    this.#options.onCandidates(this.#found.splice(0))
  }

  /** The library throws what it does not like; the session ends, and nothing else. */
  #guarded(act: () => unknown): void {
    if (this.#isClosed) return
    try {
      act()
    } catch (error) {
      this.#end(String(error))
    }
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#deadline)
    clearTimeout(this.#gathered)
    // Not from within one of its own callbacks.
    setImmediate(() => this.#connection.close())
    this.#options.onClosed(reason)
  }
}

function serverOf({ host, port, username, password }: IceServer) {
  if (username === undefined || password === undefined) {
    return `stun:${host.includes(':') ? `[${host}]` : host}:${port}`
  }
  return { hostname: host, port, username, password, relayType: 'TurnUdp' as const }
}
