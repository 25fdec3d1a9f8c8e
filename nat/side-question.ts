// SPDX-License-Identifier: Apache-2.0
/** A binding request from a socket beside the one port: sent a few times, until the one answer comes that counts. */
import type { TransportAddress } from './address.ts'
import { type Instant, later } from './clock.ts'
import { SIDE_QUESTION_GAP_MS, SIDE_QUESTIONS_MAX } from './constants.ts'
import type { Entropy } from './entropy.ts'
import { toHex } from './hex.ts'
import type { SideMessage, SideSocket } from './side-socket.ts'
import type { BindingOptions, StunCodec, StunMessage } from './stun-codec.ts'

export interface SideQuestion {
  readonly socket: SideSocket
  readonly to: TransportAddress
  readonly options: BindingOptions
  /** Where the answer is awaited: another socket, if that is whose port was given (RESPONSE-PORT). */
  readonly listener: SideSocket
  /** Where the answer comes from: another address of the server, if that is what is asked for. */
  readonly answerer: TransportAddress
  readonly transaction: string
  state: 'open' | 'answered' | 'silent'
  sent: number
  nextAt: Instant
  /** The answer. */
  mapped: TransportAddress | undefined
  otherAddress: TransportAddress | undefined
}

export interface Asking {
  readonly socket: SideSocket
  readonly to: TransportAddress
  readonly options?: BindingOptions
  readonly listener?: SideSocket
  readonly answerer?: TransportAddress
}

export function sideQuestion(
  { socket, to, options = {}, listener = socket, answerer = to }: Asking,
  { now, entropy }: { readonly now: Instant; readonly entropy: Entropy },
): SideQuestion {
  return {
    socket,
    to,
    options,
    listener,
    answerer,
    transaction: toHex(entropy(12)),
    state: 'open',
    sent: 0,
    nextAt: now,
    mapped: undefined,
    otherAddress: undefined,
  }
}

/** What to send of it now; one that was sent often enough is silent from then on. */
export function sideQuestionMessages(
  question: SideQuestion,
  now: Instant,
  codec: StunCodec,
): SideMessage[] {
  const { socket, to, transaction, options } = question
  if (question.state !== 'open' || question.nextAt > now) return []
  if (question.sent >= SIDE_QUESTIONS_MAX) {
    question.state = 'silent'
    return []
  }
  question.sent += 1
  question.nextAt = later(now, SIDE_QUESTION_GAP_MS)
  return [{ kind: 'send', socket, to, payload: codec.encodeBindingRequest(transaction, options) }]
}

/** Takes what has come to a socket. An answer with another transaction, or from elsewhere, is none. */
export function takeSideAnswer(
  question: SideQuestion,
  socket: SideSocket,
  from: TransportAddress,
  message: StunMessage,
): void {
  if (question.state !== 'open' || question.listener !== socket) return
  if (from !== question.answerer || message.transaction !== question.transaction) return
  if (message.type === 'other') return
  // An error says that the server cannot do what was asked.
  question.state = message.type === 'binding-success' ? 'answered' : 'silent'
  question.mapped = message.mapped
  question.otherAddress = message.otherAddress
}
