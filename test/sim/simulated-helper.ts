// SPDX-License-Identifier: Apache-2.0
/**
 * A helper without a kernel: it keeps what it is told and answers as native/PROTOCOL.md says, over
 * a real Unix socket. It passes the same contract suite as the Go binary.
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { DesiredPeer, DesiredState, HelperSearch } from '../../agent/core/helper-contract.ts'
import { HELPER_ERROR } from '../../agent/shell/helper/helper-fault.ts'
import { CarrierFrames, carrierFrame } from '../../agent/shell/channel/carrier-frame.ts'
import { LineSplitter } from '../../agent/shell/helper/rpc-lines.ts'
import { problemsOf } from './desired-check.ts'
import { differences } from './desired-differences.ts'
import { isWellFormed, SearchRequests } from './search-requests.ts'
import { FEATURES, onlyLink, quietHello, quietState, unallocated } from './idle-state.ts'

const HELLO_TIMEOUT_MS = 5_000
const CONNECTIONS_MAX = 8

type Answer = { result: unknown } | { error: { code: number; message: string; data?: unknown } }

interface Client {
  readonly socket: Socket
  greeted: boolean
  /** Of a carrier: what it says, and the peers to which it holds a channel. */
  carrier: { readonly frames: CarrierFrames; readonly open: Set<string> } | undefined
}

export class SimulatedHelper {
  readonly socketPath: string
  readonly instance = randomBytes(8).toString('hex')
  readonly #clients = new Set<Client>()
  readonly #server: Server
  readonly #searches = new SearchRequests((method, params) => this.emit(method, params))
  readonly #stopped = Promise.withResolvers<void>()
  #generation = 0
  #desired: DesiredState = { device: null, routes: [], peers: [] }

  private constructor(socketPath: string) {
    this.socketPath = socketPath
    this.#server = createServer((socket) => this.#accept(socket))
  }

  static async start(socketPath: string): Promise<SimulatedHelper> {
    const helper = new SimulatedHelper(socketPath)
    await new Promise<void>((resolve, reject) => {
      helper.#server.once('error', reject)
      helper.#server.listen(socketPath, resolve)
    })
    return helper
  }

  /** Resolves once it has stopped, by whatever cause. */
  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  /** What was applied last. */
  get desired(): DesiredState {
    return this.#desired
  }

  /** An event to every connection that has said hello. */
  emit(method: string, params: object): void {
    for (const client of this.#clients)
      if (client.greeted) send(client.socket, { jsonrpc: '2.0', method, params })
  }

  async stop(): Promise<void> {
    this.#searches.stopAll()
    for (const client of this.#clients) client.socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await rm(this.socketPath, { force: true })
    this.#stopped.resolve()
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    if (this.#clients.size >= CONNECTIONS_MAX) return void socket.destroy()
    const client: Client = { socket, greeted: false, carrier: undefined }
    this.#clients.add(client)
    const silence = setTimeout(() => socket.destroy(), HELLO_TIMEOUT_MS)
    const lines = new LineSplitter(4 * 1024 * 1024)
    socket.on('close', () => {
      clearTimeout(silence)
      this.#clients.delete(client)
    })
    socket.on('data', (chunk: Buffer) => {
      if (client.carrier !== undefined) return this.#carry(client, chunk)
      for (const line of lines.push(chunk) ?? ['']) this.#receive(client, line)
      if (client.greeted || client.carrier !== undefined) clearTimeout(silence)
    })
  }

  /** Nobody is at the other end of a channel here: what it says of channels is all that counts. */
  #carry({ socket, carrier }: Client, chunk: Buffer): void {
    const frames = carrier?.frames.take(chunk)
    if (frames === undefined) return void socket.end()
    for (const { word, peer } of frames) {
      if (word === 'open') carrier?.open.add(peer)
      if (word === 'closed') carrier?.open.delete(peer)
    }
  }

  #receive(client: Client, line: string): void {
    if (client.socket.writableEnded) return
    const request = parse(line)
    if (request === undefined || typeof request['method'] !== 'string') {
      const code = request === undefined ? HELPER_ERROR.parse : HELPER_ERROR.invalidRequest
      send(client.socket, { jsonrpc: '2.0', id: null, error: { code, message: 'not JSON-RPC' } })
      return void client.socket.end()
    }
    const params = (request['params'] ?? {}) as Record<string, unknown>
    const answer = this.#answer(client, request['method'], params)
    send(client.socket, { jsonrpc: '2.0', id: request['id'] ?? null, ...answer })
    if (request['method'] === 'shutdown' && 'result' in answer) void this.stop()
  }

  #answer(client: Client, method: string, params: Record<string, unknown>): Answer {
    if (method === 'hello') return this.#hello(client, params)
    if (method === 'carry' && !client.greeted) return this.#admitCarrier(client, params)
    if (!client.greeted) return failure(HELPER_ERROR.helloFirst, 'hello must come first')
    switch (method) {
      case 'apply':
        return this.#apply(params['desired'])
      case 'state':
        return { result: this.#state() }
      case 'probe':
      case 'echo':
        return this.#peer(params['peer']) === undefined
          ? failure(HELPER_ERROR.noSuchPeer, 'no such peer, or it has no path')
          : method === 'probe'
            ? { result: {} }
            : failure(HELPER_ERROR.noReply, 'no reply in time')
      case 'search':
      case 'stop-search':
        return this.#search(method, params)
      case 'measure':
        return this.#peer(params['peer'])?.paths.some(({ id }) => id === params['path']) === true
          ? failure(HELPER_ERROR.noReply, 'no reply in time')
          : failure(HELPER_ERROR.noSuchPeer, 'no such peer, or it has no such path')
      case 'send-datagram':
      case 'shutdown':
        return { result: {} }
      default:
        return failure(HELPER_ERROR.unknownMethod, `no method ${method}`)
    }
  }

  #search(method: 'search' | 'stop-search', params: Record<string, unknown>): Answer {
    const known = this.#peer(params['peer'])
    if (known === undefined) return failure(HELPER_ERROR.noSuchPeer, 'no such peer')
    if (method === 'stop-search') this.#searches.stop(known.publicKey)
    else if (!isWellFormed(params))
      return failure(HELPER_ERROR.invalidParams, 'beyond its bounds', { problems: [] })
    else if (!this.#searches.begin(params as unknown as HelperSearch))
      return failure(HELPER_ERROR.tooMany, 'too many searches')
    return { result: {} }
  }

  #hello(client: Client, params: Record<string, unknown>): Answer {
    if (params['protocol'] !== 1)
      return failure(HELPER_ERROR.protocolNotSupported, 'protocol not supported', {
        supported: [1],
      })
    client.greeted = true
    return { result: quietHello({ instance: this.instance, features: FEATURES }) }
  }

  #admitCarrier(client: Client, params: Record<string, unknown>): Answer {
    if (params['protocol'] !== 1)
      return failure(HELPER_ERROR.protocolNotSupported, 'protocol not supported', {
        supported: [1],
      })
    client.carrier = { frames: new CarrierFrames(), open: new Set() }
    return { result: {} }
  }

  #apply(document: unknown): Answer {
    const problems = problemsOf(document)
    if (problems.length > 0)
      return failure(HELPER_ERROR.refused, `${problems.length} fields are invalid`, { problems })
    const desired = document as DesiredState
    this.#dismissChannels(this.#desired, desired)
    const changed = differences(this.#desired, desired)
    if (changed.length > 0) this.#generation++
    this.#desired = desired
    this.#searches.keep(new Set(desired.peers.map(({ publicKey }) => publicKey)))
    return { result: { generation: this.#generation, changed } }
  }

  #dismissChannels(before: DesiredState, after: DesiredState): void {
    const kept = new Set(after.peers.filter(hasChannel).map(({ publicKey }) => publicKey))
    for (const { publicKey } of before.peers.filter(hasChannel))
      for (const { socket, carrier } of kept.has(publicKey) ? [] : this.#clients)
        if (carrier?.open.has(publicKey) === true) socket.write(carrierFrame('closed', publicKey))
  }

  #state(): object {
    const { device, turn = [], peers } = this.#desired
    const publicKey = Buffer.alloc(32, 1).toString('base64')
    const listenPort = device?.listenPort || 41_820
    return {
      ...quietState(this.#desired, { listenPort, publicKey }, [onlyLink(['192.0.2.10'])]),
      instance: this.instance,
      generation: this.#generation,
      peers: peers.map(idle),
      turn: turn.map(unallocated),
      relayed: { frames: 0, bytes: 0, dropped: 0, refused: 0 },
    }
  }

  #peer(publicKey: unknown): DesiredPeer | undefined {
    return this.#desired.peers.find((peer) => peer.publicKey === publicKey)
  }
}

function hasChannel({ paths }: DesiredPeer): boolean {
  return paths.some(({ kind }) => kind === 'channel')
}

function idle(peer: DesiredPeer): object {
  return {
    publicKey: peer.publicKey,
    allowedIps: peer.allowedIps,
    keepaliveMs: peer.keepaliveMs,
    rxBytes: 0,
    txBytes: 0,
    lastHandshakeMs: null,
    activePath: peer.paths[0]?.id ?? null,
    session: { rttUs: null, ageMs: null },
    paths: peer.paths.map((path) => ({
      id: path.id,
      kind: path.kind,
      // Nobody was ever met here: there are no punched sockets.
      endpoint: path.kind === 'direct' && path.socket === undefined ? path.endpoint : null,
      via: path.kind === 'relay' ? path.via : [],
      server: path.kind === 'turn' ? path.server : null,
      socket: path.kind === 'direct' ? (path.socket ?? null) : null,
      up: false,
      carries: null,
      rttUs: null,
      lossPermille: 0,
      lastReplyMs: null,
    })),
  }
}

function failure(code: number, message: string, data?: unknown): Answer {
  return { error: { code, message, ...(data !== undefined && { data }) } }
}

function send(socket: Socket, message: object): void {
  socket.write(`${JSON.stringify(message)}\n`)
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : {}
  } catch {
    return undefined
  }
}
