// SPDX-License-Identifier: Apache-2.0
/**
 * /meshgate/sync/2: proves membership, and brings two views together. Frames are those of
 * topology/sync-frame.ts.
 *
 * ```
 * dialer    hello, digest   ->
 *           <-   hello, digest, notices, want
 * dialer    notices   ->
 * ```
 * Notices are left out if both have the same. A dialer that is no member any more is told so by notices in place of a hello.
 * Only the listener compares, so that no record travels twice. The records that either lacks come as control messages of
 * low priority: a whole view must not stand before a revocation.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { difference, type Digest, digestOf } from '../../../topology/anti-entropy.ts'
import type { NodeId } from '../../../topology/identity.ts'
import {
  decodeFrame,
  FRAME_BYTES_MAX,
  helloFrames,
  noticeFrames,
  type SyncFrame,
  wantFrames,
} from '../../../topology/sync-frame.ts'
import {
  NOTICES_MAX,
  noticesDigest,
  type NoticeSet,
  sortedNotices,
} from '../../../topology/notice.ts'
import { sameBytes } from '../../../topology/canonical-cbor.ts'
import { recordNode } from '../../../topology/record-codec.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { VIEW_NODES_MAX, type View } from '../../../topology/view.ts'
import type { RecordJudge } from './record-judge.ts'
import { nodeIdOf } from './underlay-node.ts'

export const SYNC_PROTOCOL = '/meshgate/sync/2'

const HELLO_DEADLINE_MS = 5_000
const EXCHANGE_DEADLINE_MS = 30_000
/** A full digest is five frames; as many notices as there may be, of the usual size, some 40. */
const FRAMES_MAX = 400

type Messages = LengthPrefixedStream<Stream>

export interface SyncOptions {
  readonly judge: RecordJudge
  view(): View
  notices(): NoticeSet
  /** Our own record's envelope. */
  ownRecord(): Uint8Array
  /** The peer has shown a valid record of its own: from now on it is a member. */
  onMember(connection: Connection, node: NodeId): void
  /** News that came by this way, not by gossip. */
  onRecord(bytes: Uint8Array, from: NodeId): void
  onNotice(bytes: Uint8Array, from: NodeId): void
  /** Tells whoever is at the other end that there is a newer record of its own: another host may have its keys, and links too. */
  remind(connection: Connection, record: Uint8Array): void
  /** Hands the neighbour records that it lacks. */
  repair(node: NodeId, records: readonly Uint8Array[]): void
}

/** What the peer did that no member would; the connection is to be closed. */
export class NotAMember extends Error {}

export class SyncProtocol {
  readonly #options: SyncOptions

  constructor(options: SyncOptions) {
    this.#options = options
  }

  /** Throws NotAMember, or whatever broke the stream. */
  async initiate(connection: Connection): Promise<void> {
    await this.#onStream(connection, async (messages) => {
      const signal = AbortSignal.timeout(EXCHANGE_DEADLINE_MS)
      // As it was said: a notice may come another way before the answer, and both sides must judge alike.
      const saidNotices = this.#noticesDigest()
      await this.#sendHello(messages, signal)
      const hello = await this.#readHello(messages)
      const node = this.#verifyHello(connection, hello)
      const differs = hello.notices !== saidNotices
      if (differs) await this.#readNotices(messages, node, signal)
      const wanted = await readList(messages, signal, (frame) =>
        frame.kind === 'want' ? frame.nodes : undefined,
      )
      if (differs) await this.#sendNotices(messages, signal)
      this.#options.repair(node, this.#envelopesOf(wanted))
    })
  }

  /** The listener's side. Throws as `initiate` does. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    try {
      const messages = lpStream(stream, { maxDataLength: FRAME_BYTES_MAX })
      await this.#answer(messages, connection, await this.#readHello(messages))
      await stream.close()
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  }

  async #answer(messages: Messages, connection: Connection, hello: Hello): Promise<void> {
    const signal = AbortSignal.timeout(EXCHANGE_DEADLINE_MS)
    const revoked = this.#revocationOf(hello.record)
    if (revoked !== undefined) return send(messages, noticeFrames([revoked]), signal)
    const node = this.#verifyHello(connection, hello)
    // Before what the exchange brings: both sides must judge alike.
    const sameNotices = hello.notices === this.#noticesDigest()
    const own = digestOf(this.#options.view())
    await this.#sendHello(messages, signal)
    if (!sameNotices) await this.#sendNotices(messages, signal)
    const differs = difference(own, hello.digest)
    await send(messages, wantFrames(differs.want), signal)
    if (!sameNotices) await this.#readNotices(messages, node, signal)
    this.#options.repair(node, this.#envelopesOf(differs.send))
  }

  #sendHello(messages: Messages, signal: AbortSignal): Promise<void> {
    const frames = helloFrames(
      this.#options.ownRecord(),
      digestOf(this.#options.view()),
      this.#noticesDigest(),
    )
    return send(messages, frames, signal)
  }

  async #readHello(messages: Messages): Promise<Hello> {
    const signal = AbortSignal.timeout(HELLO_DEADLINE_MS)
    let record: Uint8Array | undefined
    let notices = ''
    const digest: Digest[number][] = []
    for (let frames = 0; frames < FRAMES_MAX; frames++) {
      const frame = await readFrame(messages, signal)
      if (frame.kind === 'notices' && record === undefined) {
        this.#takeNotices(frame.notices, undefined)
        break
      }
      if (frame.kind === 'hello' && record === undefined) {
        record = frame.record
        notices = frame.notices
      } else if (frame.kind !== 'digest' || record === undefined) break
      digest.push(...frame.digest)
      if (digest.length > VIEW_NODES_MAX) break
      if (frame.last) return { record, digest, notices }
    }
    throw new NotAMember('frames out of order')
  }

  #verifyHello(connection: Connection, hello: Hello): NodeId {
    const peer = nodeIdOf(connection.remotePeer)
    const record = this.#options.judge.verify(hello.record)
    if (!record.ok) throw new NotAMember(record.error)
    const { node } = record.value.certificate
    if (node !== peer) throw new NotAMember('a record of another node')
    if (!record.value.present) throw new NotAMember('left')
    if (this.#options.judge.isShutOut(node)) throw new NotAMember('shut out')
    this.#options.onMember(connection, node)
    this.#take(hello.record, node)
    const newest = this.#options.view().entries.get(node)?.envelope.bytes
    if (newest !== undefined && !sameBytes(newest, hello.record))
      this.#options.remind(connection, newest)
    return node
  }

  async #sendNotices(messages: Messages, signal: AbortSignal): Promise<void> {
    const all = sortedNotices(this.#options.notices()).map(({ bytes }) => bytes)
    await send(messages, noticeFrames(all), signal)
  }

  async #readNotices(messages: Messages, from: NodeId, signal: AbortSignal): Promise<void> {
    const notices = await readList(messages, signal, (frame) =>
      frame.kind === 'notices' ? frame.notices : undefined,
    )
    this.#takeNotices(notices, from)
  }

  /** From undefined: a neighbour that has not shown yet who it is; the authority's signature is enough. */
  #takeNotices(notices: readonly Uint8Array[], from: NodeId | undefined): void {
    for (const bytes of notices.slice(0, NOTICES_MAX)) {
      const teller = from ?? ('' as NodeId)
      if (this.#options.judge.judgeNotice(bytes, teller) === 'news')
        this.#options.onNotice(bytes, teller)
    }
  }

  #noticesDigest(): string {
    return noticesDigest(this.#options.notices(), nodeCrypto)
  }

  /** What to tell a host whose record would be good if its certificate had not been taken back, or its authority's right. */
  #revocationOf(record: Uint8Array): Uint8Array | undefined {
    const judged = this.#options.judge.verify(record)
    const node = recordNode(record)
    if (judged.ok || node === undefined) return undefined
    const { byKey } = this.#options.notices()
    if (judged.error === 'revoked') return byKey.get(`revocation ${node}`)?.bytes
    // It was away while another authority took over: with its new certificate it is a member.
    return judged.error === 'withdrawn' ? byKey.get(`certificate ${node}`)?.bytes : undefined
  }

  #take(bytes: Uint8Array, from: NodeId): void {
    if (this.#options.judge.judge(bytes, from) === 'news') this.#options.onRecord(bytes, from)
  }

  #envelopesOf(nodes: readonly NodeId[]): Uint8Array[] {
    const { entries } = this.#options.view()
    return nodes.flatMap((node) => entries.get(node)?.envelope.bytes ?? [])
  }

  async #onStream(
    connection: Connection,
    talk: (messages: Messages) => Promise<void>,
  ): Promise<void> {
    const signal = AbortSignal.timeout(HELLO_DEADLINE_MS)
    const stream = await connection.newStream(SYNC_PROTOCOL, { signal })
    try {
      await talk(lpStream(stream, { maxDataLength: FRAME_BYTES_MAX }))
      await stream.close()
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  }
}

interface Hello {
  readonly record: Uint8Array
  readonly digest: Digest
  readonly notices: string
}

async function send(
  messages: Messages,
  frames: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  for (const frame of frames) await messages.write(frame, { signal })
}

async function readFrame(messages: Messages, signal: AbortSignal): Promise<SyncFrame> {
  // A copy: what libp2p hands over is a window on a pool, and records of it are kept.
  const frame = decodeFrame(new Uint8Array((await messages.read({ signal })).subarray()))
  if (!frame.ok) throw new NotAMember(`a frame that is ${frame.error}`)
  return frame.value
}

/** One list that may go on over several frames. */
async function readList<T>(
  messages: Messages,
  signal: AbortSignal,
  itemsOf: (frame: SyncFrame) => readonly T[] | undefined,
): Promise<T[]> {
  const list: T[] = []
  for (let frames = 0; frames < FRAMES_MAX && list.length <= VIEW_NODES_MAX; frames++) {
    const frame = await readFrame(messages, signal)
    const items = itemsOf(frame)
    if (items === undefined) break
    list.push(...items)
    if (frame.last) return list
  }
  throw new NotAMember('frames out of order')
}
