// SPDX-License-Identifier: Apache-2.0
/**
 * How long the NAT keeps a mapping that nobody uses (RFC 5780 section 4.6), learned on sockets of its own, so that no path
 * is ever risked. A ladder of sockets rests at the same time, each one for longer; after its rest another socket asks the
 * server to answer to the resting one's port (RESPONSE-PORT), which only a living mapping lets in.
 *
 * ```
 * trial    any server: a socket that has not rested at all. If that fails the server cannot be used; the next one is tried
 * ladder   settle --3 s--> settle again --silence--> asked for, up to 3 times --> alive | dead
 *                          (a flow of some seconds is kept longer than a new one, and real paths are such flows)
 * ```
 * An answer is proof, silence may be loss: what counts is the longest rest that was survived. A dead rung above it makes
 * that final enough to act on while longer ones still rest.
 */
import { addressParts, type TransportAddress } from './address.ts'
import { earliest, type Instant, later } from './clock.ts'
import {
  LIFETIME_LADDER_MS,
  LIFETIME_RETRY_MS,
  LIFETIME_REPEAT_MS,
  LIFETIME_SETTLE_MS,
} from './constants.ts'
import type { Entropy } from './entropy.ts'
import {
  type Asking,
  type SideQuestion,
  sideQuestion,
  sideQuestionMessages,
  takeSideAnswer,
} from './side-question.ts'
import type { SideMessage, SideSocket } from './side-socket.ts'
import type { StunCodec } from './stun-codec.ts'

type RungState = 'settling' | 'settling-again' | 'resting' | 'asking' | 'alive' | 'dead' | 'void'

interface Rung {
  readonly socket: SideSocket
  readonly restMs: number
  state: RungState
  /** What is being asked; undefined between two questions. */
  question: SideQuestion | undefined
  /** When the next question is due. */
  restsUntil: Instant
  /** The port that the server sees. */
  port: number
  /** How often something came in while it rested. */
  disturbances: number
}

export interface LifetimeSurvey {
  server: TransportAddress | undefined
  /** Servers that cannot answer to another port; forgotten when a new survey begins. */
  readonly unfit: Set<TransportAddress>
  rungs: Rung[]
  isTrial: boolean
  beginAt: Instant
  /** For a server that answers at all. */
  isWaiting: boolean
  /** The last verdict, which stands until the next one. */
  lifetimeMs: number | undefined
  closing: SideSocket[]
}

export function createLifetimeSurvey(now: Instant): LifetimeSurvey {
  return {
    server: undefined,
    unfit: new Set(),
    rungs: [],
    isTrial: false,
    beginAt: now,
    isWaiting: false,
    lifetimeMs: undefined,
    closing: [],
  }
}

/** Another network: what was learned says nothing here. */
export function restartLifetimeSurvey(survey: LifetimeSurvey, now: Instant): void {
  end(survey, now)
  survey.unfit.clear()
  survey.lifetimeMs = undefined
  survey.beginAt = now
}

export interface LifetimeMoment {
  readonly now: Instant
  readonly entropy: Entropy
  readonly codec: StunCodec
  /** STUN servers that have answered, best first. */
  readonly servers: () => readonly TransportAddress[]
}

/** What to send now. Call it again at `lifetimeDeadline`. */
export function lifetimeMessages(survey: LifetimeSurvey, moment: LifetimeMoment): SideMessage[] {
  begin(survey, moment)
  const messages = survey.rungs.flatMap((rung) => advance(survey, rung, moment))
  conclude(survey, moment.now)
  const closing = survey.closing.map((socket): SideMessage => ({ kind: 'close', socket }))
  survey.closing = []
  return [...messages, ...closing]
}

/** Takes what arrived at one of the survey's sockets. */
export function receiveLifetime(
  survey: LifetimeSurvey,
  socket: SideSocket,
  from: TransportAddress,
  payload: Uint8Array,
  { now, codec }: Pick<LifetimeMoment, 'now' | 'codec'>,
): void {
  const rung = survey.rungs.find((one) => one.socket === socket)
  if (rung === undefined) return
  const message = codec.decode(payload)
  const { question } = rung
  if (question !== undefined && message.ok) takeSideAnswer(question, socket, from, message.value)
  if (question === undefined || question.state === 'open') disturb(rung, now)
  else learn(rung, question, now)
}

export function lifetimeDeadline(survey: LifetimeSurvey): Instant | undefined {
  if (survey.server === undefined) return survey.isWaiting ? undefined : survey.beginAt
  return earliest(
    survey.rungs.map((rung) =>
      isDecided(rung) ? undefined : (rung.question?.nextAt ?? rung.restsUntil),
    ),
  )
}

const ASKER: SideSocket = 'lifetime-asker'
const TRIAL: SideSocket = 'lifetime-trial'
const DISTURBANCES_MAX = 3

function begin(survey: LifetimeSurvey, { now, servers }: LifetimeMoment): void {
  if (survey.server !== undefined || survey.beginAt > now) return
  const known = servers()
  survey.isWaiting = known.length === 0
  if (survey.isWaiting) return
  survey.server = known.find((server) => !survey.unfit.has(server))
  if (survey.server === undefined) {
    survey.unfit.clear()
    survey.beginAt = later(now, LIFETIME_RETRY_MS)
    return
  }
  survey.isTrial = true
  survey.rungs = [newRung(TRIAL, 0, now)]
}

function advance(survey: LifetimeSurvey, rung: Rung, moment: LifetimeMoment): SideMessage[] {
  const { server } = survey
  if (server === undefined || isDecided(rung)) return []
  if (rung.question === undefined) {
    if (rung.restsUntil > moment.now) return []
    if (rung.state === 'resting') rung.state = 'asking'
    rung.question = sideQuestion(asking(rung, server), moment)
  }
  const { question } = rung
  const messages = sideQuestionMessages(question, moment.now, moment.codec)
  if (question.state !== 'open') learn(rung, question, moment.now)
  return messages
}

/** A rung that has rested says nothing itself: whatever it sent would renew its mapping. */
function asking({ socket, state, port }: Rung, to: TransportAddress): Asking {
  if (state !== 'asking') return { socket, to }
  return { socket: ASKER, listener: socket, to, options: { responsePort: port } }
}

/** What became of the rung's question. */
function learn(rung: Rung, { state, mapped }: SideQuestion, now: Instant): void {
  rung.question = undefined
  if (rung.state === 'asking') rung.state = state === 'answered' ? 'alive' : 'dead'
  else if (mapped === undefined) rung.state = 'void'
  else settle(rung, mapped, now)
}

function settle(rung: Rung, mapped: TransportAddress, now: Instant): void {
  rung.port = addressParts(mapped).port
  const again = rung.state === 'settling' && rung.restMs > 0
  rung.state = again ? 'settling-again' : 'resting'
  rung.restsUntil = later(now, again ? LIFETIME_SETTLE_MS : rung.restMs)
}

/** What comes in may have kept the mapping alive: the rest begins anew, or is given up. */
function disturb(rung: Rung, now: Instant): void {
  if (rung.state !== 'resting') return
  rung.disturbances += 1
  if (rung.disturbances > DISTURBANCES_MAX) rung.state = 'void'
  else rung.restsUntil = later(now, rung.restMs)
}

function conclude(survey: LifetimeSurvey, now: Instant): void {
  const { server, rungs } = survey
  if (server === undefined) return
  const isOver = rungs.every(isDecided)
  if (survey.isTrial) {
    if (!isOver) return
    survey.isTrial = false
    survey.closing.push(TRIAL)
    if (rungs[0]?.state === 'alive') {
      survey.rungs = LIFETIME_LADDER_MS.map((restMs) => newRung(`lifetime-${restMs}`, restMs, now))
      return
    }
    survey.unfit.add(server)
    survey.rungs = []
    survey.server = undefined
    return
  }
  const survived = Math.max(0, ...rungs.map((r) => (r.state === 'alive' ? r.restMs : 0)))
  const hasEnd = rungs.some((r) => r.state === 'dead' && r.restMs > survived)
  if (hasEnd || (isOver && survived > 0)) {
    survey.lifetimeMs = survived > 0 ? survived : LIFETIME_LADDER_MS[0] / 2
  }
  if (isOver) end(survey, later(now, LIFETIME_REPEAT_MS))
}

function end(survey: LifetimeSurvey, again: Instant): void {
  if (survey.server !== undefined) {
    survey.closing.push(ASKER, ...survey.rungs.map(({ socket }) => socket))
  }
  survey.server = undefined
  survey.rungs = []
  survey.isTrial = false
  survey.beginAt = again
}

function isDecided({ state }: Rung): boolean {
  return state === 'alive' || state === 'dead' || state === 'void'
}

function newRung(socket: SideSocket, restMs: number, now: Instant): Rung {
  const unasked = { question: undefined, restsUntil: now, port: 0, disturbances: 0 }
  return { socket, restMs, state: 'settling', ...unasked }
}
