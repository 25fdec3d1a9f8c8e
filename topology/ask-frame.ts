// SPDX-License-Identifier: Apache-2.0
/**
 * What one member may ask another over a link of theirs, and what it gets told.
 *
 * ```
 * ask     = ["why"] / ["dial", address, address]                                        UDP, then TCP
 * told    = ["why", view] / ["dial", { udp: bool, tcp: bool }] / ["fault", tstr]
 * view    = { nat, evidence: tstr, candidates: [* 16 candidate], path, attempts: [* 32 attempt],
 *             sentence: tstr, remedies: [* 8 tstr], * tstr => any }
 * path    = { kind: tstr, via: tstr / null, endpoint: address / null, rttUs: uint / null, lossPermille: uint / null }
 * attempt = { address: tstr, kind: tstr, outcome: tstr, rttUs: uint / null }
 * ```
 * Canonical CBOR, at most 256 bytes a question and 16,384 an answer; `nat` and `candidate` are those of a record.
 * Text is for a person's terminal: it holds no control character. Nothing is signed: what is told is for whoever asked, over
 * the link on which it was asked.
 */
import type { TransportAddress } from '../nat/address.ts'
import type { NatBehaviour } from '../nat/behaviour.ts'
import type { Candidate, CandidateKind } from '../nat/candidate.ts'
import { PATH_KINDS, type PathKind } from '../nat/path-kind.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  type CborFault,
  type CborValue,
  decodeCanonical,
  encodeCanonical,
} from './canonical-cbor.ts'
import {
  boolean,
  decodeAs,
  encodeAs,
  integer,
  listOf,
  nullable,
  oneOf,
  type Schema,
  struct,
  text,
  tuple,
} from './cbor-schema.ts'
import { CANDIDATES_MAX } from './record.ts'
import { candidateSchema, natSchema, transportAddressSchema } from './record-codec.ts'

/** What became of one of the asked member's attempts to reach an address of the asking one. */
export const ATTEMPT_OUTCOMES = [
  'in use',
  'answers',
  'answers no more',
  'checking',
  'no answer',
] as const

export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number]

export interface Attempt {
  readonly address: TransportAddress
  readonly kind: CandidateKind
  readonly outcome: AttemptOutcome
  readonly rttUs: number | null
}

/** The path that carries what the asked member sends to the asking one. */
export interface PathTold {
  readonly kind: PathKind | 'none'
  /** Over whom, by name. */
  readonly via: string | null
  readonly endpoint: TransportAddress | null
  readonly rttUs: number | null
  readonly lossPermille: number | null
}

/** How the asked member sees itself, and its pair with the asking one. */
export interface PeerView {
  readonly nat: NatBehaviour
  readonly evidence: string
  readonly candidates: readonly Candidate[]
  readonly path: PathTold
  readonly attempts: readonly Attempt[]
  readonly sentence: string
  readonly remedies: readonly string[]
}

export type Question =
  | { readonly kind: 'why' }
  /** Whether these addresses of the asking member let a stranger in. */
  | { readonly kind: 'dial'; readonly udp: TransportAddress; readonly tcp: TransportAddress }

/** Which of two addresses let a stranger in. */
export interface DoorTried {
  readonly udp: boolean
  readonly tcp: boolean
}

/**
 * unreached: no link leads there. not-spoken: the member is older than the question. refused: it does not answer that to us.
 * busy: it was asked too often. timeout: it said nothing in time. malformed: what it said, or we, makes no sense.
 */
export const ASK_FAULTS = [
  'unreached',
  'not-spoken',
  'refused',
  'busy',
  'timeout',
  'malformed',
] as const

export type AskFault = (typeof ASK_FAULTS)[number]

export type Told =
  | { readonly kind: 'why'; readonly view: PeerView }
  | { readonly kind: 'dial'; readonly result: DoorTried }
  | { readonly kind: 'fault'; readonly fault: AskFault }

export const ASK_BYTES_MAX = 256
export const TOLD_BYTES_MAX = 16_384
const ATTEMPTS_MAX = 32
const REMEDIES_MAX = 8
const LINE_MAX = 200
const SENTENCE_MAX = 1_000
const EVIDENCE_MAX = 2_000
const US_MAX = 600_000_000

const line = (max: number) =>
  text((value) => value.length <= max && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value))
const kindSchema = oneOf<CandidateKind>(
  'host',
  'mapped',
  'server-reflexive',
  'relayed',
  'peer-reflexive',
)
const faultSchema = oneOf(...ASK_FAULTS)
const rttSchema = nullable(integer(0, US_MAX))

const attemptSchema: Schema<Attempt> = struct<Attempt>({
  address: transportAddressSchema,
  kind: kindSchema,
  outcome: oneOf(...ATTEMPT_OUTCOMES),
  rttUs: rttSchema,
})

const pathSchema: Schema<PathTold> = struct<PathTold>({
  kind: oneOf<PathTold['kind']>('none', ...PATH_KINDS),
  via: nullable(line(LINE_MAX)),
  endpoint: nullable(transportAddressSchema),
  rttUs: rttSchema,
  lossPermille: nullable(integer(0, 1_000)),
})

const viewSchema: Schema<PeerView> = struct<PeerView>(
  {
    nat: natSchema,
    evidence: line(EVIDENCE_MAX),
    candidates: listOf(candidateSchema, CANDIDATES_MAX),
    path: pathSchema,
    attempts: listOf(attemptSchema, ATTEMPTS_MAX),
    sentence: line(SENTENCE_MAX),
    remedies: listOf(line(LINE_MAX), REMEDIES_MAX),
  },
  { open: true },
)

const whySchema = tuple<readonly ['why']>(oneOf('why'))
const dialSchema = tuple<readonly ['dial', TransportAddress, TransportAddress]>(
  oneOf('dial'),
  transportAddressSchema,
  transportAddressSchema,
)
const doorSchema: Schema<DoorTried> = struct<DoorTried>({ udp: boolean, tcp: boolean })

const questionSchema: Schema<Question> = {
  write: (question) =>
    question.kind === 'why'
      ? whySchema.write(['why'])
      : dialSchema.write(['dial', question.udp, question.tcp]),
  read: (value) => {
    if (whySchema.read(value) !== undefined) return { kind: 'why' }
    const dial = dialSchema.read(value)
    return dial && { kind: 'dial', udp: dial[1], tcp: dial[2] }
  },
}

export function encodeAsk(question: Question): Uint8Array {
  return encodeAs(questionSchema, question)
}

/** Never throws. */
export function decodeAsk(bytes: Uint8Array): Result<Question, CborFault> {
  return decodeAs(questionSchema, bytes, ASK_BYTES_MAX)
}

/** Of a view as much as an answer may hold. */
export function encodeTold(told: Told): Uint8Array {
  switch (told.kind) {
    case 'why':
      return encodeCanonical(['why', viewSchema.write(bounded(told.view))])
    case 'dial':
      return encodeCanonical(['dial', doorSchema.write(told.result)])
    case 'fault':
      return encodeCanonical(['fault', told.fault])
  }
}

/** Never throws. */
export function decodeTold(bytes: Uint8Array): Result<Told, CborFault> {
  const decoded = decodeCanonical(bytes, TOLD_BYTES_MAX)
  if (!decoded.ok) return decoded
  const told = Array.isArray(decoded.value) ? readTold(decoded.value as CborValue[]) : undefined
  return told === undefined ? err('malformed') : ok(told)
}

function readTold([kind, what, ...rest]: readonly CborValue[]): Told | undefined {
  if (what === undefined || rest.length > 0) return undefined
  if (kind === 'why') {
    const view = viewSchema.read(what)
    return view && { kind, view }
  }
  if (kind === 'dial') {
    const result = doorSchema.read(what)
    return result && { kind, result }
  }
  const fault = kind === 'fault' ? faultSchema.read(what) : undefined
  return fault && { kind: 'fault', fault }
}

function bounded(view: PeerView): PeerView {
  return {
    ...view,
    evidence: view.evidence.slice(0, EVIDENCE_MAX),
    sentence: view.sentence.slice(0, SENTENCE_MAX),
    candidates: view.candidates.slice(0, CANDIDATES_MAX),
    attempts: view.attempts.slice(0, ATTEMPTS_MAX),
    remedies: view.remedies.slice(0, REMEDIES_MAX).map((remedy) => remedy.slice(0, LINE_MAX)),
  }
}
