// SPDX-License-Identifier: Apache-2.0
/**
 * /meshgate/ask/1: one question between two members and its answer (topology/ask-frame.ts), over whatever connection of
 * theirs stands, or else over one that is made for it. Nobody carries a question for others.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import {
  ASK_BYTES_MAX,
  type AskFault,
  decodeAsk,
  decodeTold,
  encodeAsk,
  encodeTold,
  type Question,
  type Told,
  TOLD_BYTES_MAX,
} from '../../../topology/ask-frame.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { RateLimit } from './rate-limit.ts'

export const ASK_PROTOCOL = '/meshgate/ask/1'

const DEADLINE_MS = 3_000
const PER_SECOND_AND_MEMBER = 5
const BURST = 20

export interface AskOptions {
  /** Answers a question of a member. */
  /** Within a deadline of its own. */
  answer(from: NodeId, question: Question): Promise<Told>
  /** The member at the other end of a connection; undefined for a stranger. */
  memberOf(connection: Connection): NodeId | undefined
  /** Runs `use` over a connection to the member; undefined if there is none to be had. */
  withConnection(
    to: NodeId,
    use: (connection: Connection) => Promise<Told>,
  ): Promise<Told | undefined>
}

export class AskProtocol {
  readonly #options: AskOptions
  readonly #rate = new RateLimit(PER_SECOND_AND_MEMBER, BURST)

  constructor(options: AskOptions) {
    this.#options = options
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(ASK_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 8,
      maxOutboundStreams: 8,
    })
  }

  /** Never rejects. */
  async ask(to: NodeId, question: Question): Promise<Told> {
    const told = await this.#options.withConnection(to, (on) => askOver(on, question))
    return told ?? fault('unreached')
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    try {
      const messages = lpStream(stream, { maxDataLength: ASK_BYTES_MAX })
      const told = await this.#reply((await messages.read({ signal })).subarray(), connection)
      await messages.write(encodeTold(told), { signal })
      await stream.close({ signal })
    } catch (error) {
      stream.abort(asError(error))
    }
  }

  async #reply(asked: Uint8Array, connection: Connection): Promise<Told> {
    const from = this.#options.memberOf(connection)
    if (from === undefined) return fault('refused')
    if (!this.#rate.take(from)) return fault('busy')
    const question = decodeAsk(asked)
    return question.ok ? this.#options.answer(from, question.value) : fault('malformed')
  }
}

async function askOver(connection: Connection, question: Question): Promise<Told> {
  const signal = AbortSignal.timeout(DEADLINE_MS)
  let stream: Stream | undefined
  try {
    stream = await connection.newStream(ASK_PROTOCOL, { signal })
    const messages = lpStream(stream, { maxDataLength: TOLD_BYTES_MAX })
    await messages.write(encodeAsk(question), { signal })
    const told = decodeTold((await messages.read({ signal })).subarray())
    await stream.close({ signal })
    return told.ok ? told.value : fault('malformed')
  } catch (error) {
    stream?.abort(asError(error))
    return fault(faultOf(error, signal))
  }
}

function faultOf(error: unknown, signal: AbortSignal): AskFault {
  if (error instanceof Error && error.name === 'UnsupportedProtocolError') return 'not-spoken'
  return signal.aborted ? 'timeout' : 'unreached'
}

function fault(kind: AskFault): Told {
  return { kind: 'fault', fault: kind }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
