// SPDX-License-Identifier: Apache-2.0
/**
 * /meshgate/join/1: the only protocol open to hosts that are not members. An authority answers;
 * any other member carries the request to an authority among its neighbours, one hop and no more.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { err, ok, type Result } from '../../../nat/result.ts'
import {
  decodeJoinReply,
  decodeJoinRequest,
  encodeJoinReply,
  encodeJoinRequest,
  JOIN_REPLY_FRAME_BYTES_MAX,
  JOIN_REQUEST_FRAME_BYTES_MAX,
  type JoinFault,
  type JoinRequestFrame,
} from './join-frame.ts'
import { RateLimit } from './rate-limit.ts'
import { remoteIpOf, startUnderlayNode } from './underlay-node.ts'

export const JOIN_PROTOCOL = '/meshgate/join/1'
export const JOIN_DEADLINE_MS = 10_000

const CONCURRENT_MAX = 32
const PER_SECOND_AND_ADDRESS = 5
/** A member may be carrying for many. */
const PER_SECOND_AND_MEMBER = 50

export interface JoinServerOptions {
  /** Answers with the authority's key; undefined if this node does not hold it. */
  readonly answer: ((request: Uint8Array) => Promise<Uint8Array>) | undefined
  isMember(connection: Connection): boolean
  /** Connections to neighbours that are authorities. */
  authorities(): readonly Connection[]
}

export class JoinServer {
  readonly #options: JoinServerOptions
  readonly #perAddress = new RateLimit(PER_SECOND_AND_ADDRESS)
  readonly #perMember = new RateLimit(PER_SECOND_AND_MEMBER)
  readonly #active = new Map<Connection, number>()
  #concurrent = 0

  constructor(options: JoinServerOptions) {
    this.#options = options
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(JOIN_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 8,
    })
  }

  /** Whether a stranger on this connection is being answered, and is not to be closed yet. */
  isJoining(connection: Connection): boolean {
    return this.#active.has(connection)
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    this.#concurrent++
    this.#active.set(connection, (this.#active.get(connection) ?? 0) + 1)
    const signal = AbortSignal.timeout(JOIN_DEADLINE_MS)
    try {
      const messages = lpStream(stream, { maxDataLength: JOIN_REQUEST_FRAME_BYTES_MAX })
      const allowed = this.#allows(connection)
      const frame = decodeJoinRequest((await messages.read({ signal })).subarray())
      const reply = !frame.ok ? frame : allowed ? await this.#reply(frame.value) : err('busy')
      await messages.write(encodeJoinReply(reply), { signal })
      await stream.close({ signal })
    } catch (error) {
      stream.abort(asError(error))
    } finally {
      this.#concurrent--
      const left = (this.#active.get(connection) ?? 1) - 1
      if (left === 0) this.#active.delete(connection)
      else this.#active.set(connection, left)
    }
  }

  #allows(connection: Connection): boolean {
    if (this.#concurrent > CONCURRENT_MAX) return false
    return this.#options.isMember(connection)
      ? this.#perMember.take(connection.remotePeer.toString())
      : this.#perAddress.take(remoteIpOf(connection))
  }

  async #reply({ hops, request }: JoinRequestFrame): Promise<Result<Uint8Array, JoinFault>> {
    const own = await this.#options.answer?.(request).catch(() => undefined)
    if (own !== undefined) return ok(own)
    // An authority that does not decide now, or whose store does not answer, is like any other member.
    if (hops === 0) return err(this.#options.answer === undefined ? 'no-authority' : 'busy')
    return carry(this.#options.authorities(), request, JOIN_DEADLINE_MS - 1_000)
  }
}

/** Asks connected authorities in turn; the request goes no further than to them. */
export async function carry(
  authorities: readonly Connection[],
  request: Uint8Array,
  deadlineMs: number,
): Promise<Result<Uint8Array, JoinFault>> {
  const signal = AbortSignal.timeout(deadlineMs)
  let last: Result<Uint8Array, JoinFault> = err('no-authority')
  for (const connection of authorities) {
    last = await askOver(connection, { hops: 0, request }, signal)
    if (last.ok || signal.aborted) return last
  }
  return last
}

/** One request and its reply over a connection that stands. */
export async function askOver(
  connection: Connection,
  frame: JoinRequestFrame,
  signal: AbortSignal,
): Promise<Result<Uint8Array, JoinFault>> {
  let stream: Stream | undefined
  try {
    stream = await connection.newStream(JOIN_PROTOCOL, { signal })
    const messages = lpStream(stream, { maxDataLength: JOIN_REPLY_FRAME_BYTES_MAX })
    await messages.write(encodeJoinRequest(frame), { signal })
    const reply = (await messages.read({ signal })).subarray()
    await stream.close({ signal })
    return decodeJoinReply(reply)
  } catch (error) {
    stream?.abort(asError(error))
    return err(signal.aborted ? 'timeout' : 'refused-by-peer')
  }
}

export interface AskToJoinOptions {
  /** The joiner's own node key seed: the connection proves it. */
  readonly seed: Uint8Array
  readonly presharedKey: Uint8Array
  /** A multiaddr; `/p2p/...` may be missing. */
  readonly bootstrap: string
  readonly request: Uint8Array
  readonly deadlineMs?: number
}

/** What a host does that is no member yet: dial one bootstrap address, ask, hang up. */
export async function askToJoin(options: AskToJoinOptions): Promise<Result<Uint8Array, JoinFault>> {
  const signal = AbortSignal.timeout(options.deadlineMs ?? JOIN_DEADLINE_MS)
  const node = await startUnderlayNode({
    seed: options.seed,
    presharedKey: options.presharedKey,
    listen: [],
    isMeshAddress: () => false,
  })
  try {
    return await askAt(node, options.bootstrap, options.request, signal)
  } finally {
    await node.stop()
  }
}

/** Dials one address and asks there. */
export async function askAt(
  node: Libp2p,
  address: string,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<Result<Uint8Array, JoinFault>> {
  const connection = await node.dial(multiaddr(address), { signal }).catch(() => undefined)
  if (connection === undefined) return err('unreachable')
  return askOver(connection, { hops: 1, request }, signal)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
