// SPDX-License-Identifier: Apache-2.0
/**
 * Connectivity checks of one peer (RFC 8445 section 6.1.2, without roles: both ends check, and each end keeps what
 * answered it). The local side of every pair is the one socket, so a check is named by its remote address, and by our
 * address on an uplink that the kernel would not choose by itself.
 *
 * ```
 * waiting --sent--> in-progress --answered--> succeeded
 *                       |  \--budget used--> failed
 *    trigger, restart: back to waiting
 * ```
 */
import { addressParts, familyOf, type TransportAddress } from './address.ts'
import { addressScope } from './address-scope.ts'
import type { CandidateKind, Candidate } from './candidate.ts'
import { type Instant, later } from './clock.ts'
import { CANDIDATES_PER_PEER_MAX, CHECK_GAPS_MS } from './constants.ts'
import { type DirectWay, wayFrom, wayKey } from './direct-way.ts'
import type { Entropy } from './entropy.ts'
import { toHex } from './hex.ts'

export type CheckState = 'waiting' | 'in-progress' | 'succeeded' | 'failed'

export interface Check {
  readonly address: TransportAddress
  /** Our address on a spare uplink. */
  readonly source: string | undefined
  kind: CandidateKind
  /** Whether the peer's latest record names it; false for what only a probe showed. */
  offered: boolean
  state: CheckState
  probes: number
  /** When the next probe is due; undefined once succeeded or failed. */
  nextAt: Instant | undefined
  /** Of this round; an answer to any of them counts. */
  readonly transactions: Set<string>
}

/** By `wayKey`. */
export type Checklist = Map<string, Check>

export interface ProbeCommand {
  readonly endpoint: TransportAddress
  readonly source?: string
  /** 32 hex digits. */
  readonly transaction: string
}

/**
 * Takes the peer's candidates: new ones are checked at once, those no longer offered are dropped. `sources`: our addresses
 * on spare uplinks, from which those that lead abroad are checked as well.
 */
export function offerCandidates(
  checklist: Checklist,
  candidates: readonly Candidate[],
  now: Instant,
  sources: readonly string[] = [],
): void {
  const offered = new Map(candidates.map((c) => [c.address, c.kind]))
  for (const [key, check] of checklist) {
    check.offered = offered.has(check.address)
    const isLeft = check.source !== undefined && !sources.includes(check.source)
    const isGone = !check.offered && check.kind !== 'peer-reflexive'
    if ((isGone || isLeft) && check.state !== 'succeeded') checklist.delete(key)
  }
  const pairs = [
    ...candidates.map((candidate) => ({ candidate, source: undefined })),
    ...sources.flatMap((source) =>
      candidates.filter((c) => leadsAbroad(c, source)).map((candidate) => ({ candidate, source })),
    ),
  ]
  for (const { candidate, source } of pairs) {
    const { address } = candidate
    const kind = offered.get(address) ?? candidate.kind
    const known = checklist.get(wayKey(wayFrom(address, source)))
    if (known !== undefined) known.kind = kind
    else add(checklist, newCheck(wayFrom(address, source), kind, true, now))
  }
}

/** What is on a link of ours is reached there and nowhere else; what a TURN server gave is wanted like a path over TURN. */
function leadsAbroad({ address, kind }: Candidate, source: string): boolean {
  const { ip, family } = addressParts(address)
  return kind !== 'relayed' && family === familyOf(source) && addressScope(ip) === 'global'
}

/**
 * A triggered check (RFC 8445 section 7.3.1.4): the peer's probe came from there, so the way is open in one direction and an
 * answer is likely now. An address that was not offered becomes a peer-reflexive candidate.
 */
export function triggerCheck(checklist: Checklist, address: TransportAddress, now: Instant): void {
  for (const check of checklist.values()) {
    // Over which of our uplinks it came is not known.
    if (check.address === address && check.source !== undefined) trigger(check, now)
  }
  const check = checklist.get(address)
  if (check === undefined) {
    add(checklist, newCheck({ endpoint: address }, 'peer-reflexive', false, now))
  } else {
    trigger(check, now)
  }
}

function trigger(check: Check, now: Instant): void {
  if (check.state === 'failed' || check.state === 'waiting') {
    reset(check, now)
  } else if (check.state === 'in-progress') {
    if (check.probes >= CHECK_GAPS_MS.length) reset(check, now)
    check.nextAt = now
  }
}

/**
 * Begins a new round for all that has not succeeded, or for `everything`. A port that only a probe showed and that
 * answered no more is history: should the peer use it again, its probes will show it again.
 */
export function restartChecks(
  checklist: Checklist,
  now: Instant,
  { everything = false }: { readonly everything?: boolean } = {},
): void {
  for (const [key, check] of checklist) {
    if (check.kind === 'peer-reflexive' && check.state === 'failed') checklist.delete(key)
    else if (everything || check.state !== 'succeeded') reset(check, now)
  }
}

/** What was proven once has stopped answering: it is checked like any other again. */
export function recheck(checklist: Checklist, way: DirectWay, now: Instant): void {
  const check = checklist.get(wayKey(way))
  if (check?.state === 'succeeded') reset(check, now)
}

/** The probes that are due, at most `budget`. */
export function dueProbes(
  checklist: Checklist,
  now: Instant,
  budget: number,
  entropy: Entropy,
): ProbeCommand[] {
  const commands: ProbeCommand[] = []
  for (const check of checklist.values()) {
    if (check.nextAt === undefined || check.nextAt > now) continue
    if (commands.length >= budget) break
    const gapMs = CHECK_GAPS_MS[check.probes]
    if (gapMs === undefined) {
      check.state = 'failed'
      check.nextAt = undefined
      continue
    }
    const transaction = toHex(entropy(16))
    check.transactions.add(transaction)
    check.state = 'in-progress'
    check.probes += 1
    check.nextAt = later(now, gapMs)
    commands.push({ ...wayFrom(check.address, check.source), transaction })
  }
  return commands
}

/** The way that is proven with that, if the answer belongs to a check of this round. */
export function checkAnswered(
  checklist: Checklist,
  address: TransportAddress,
  transaction: string,
): DirectWay | undefined {
  for (const check of checklist.values()) {
    if (check.address !== address || !check.transactions.has(transaction)) continue
    succeed(check)
    return wayFrom(address, check.source)
  }
  return undefined
}

/** A path that somebody else proved, such as the helper before the agent restarted. */
export function adoptSucceeded(checklist: Checklist, way: DirectWay, now: Instant): void {
  const check = checklist.get(wayKey(way)) ?? newCheck(way, 'peer-reflexive', false, now)
  succeed(check)
  checklist.set(wayKey(way), check)
}

/** Whether nothing is left to try in this round. */
export function roundIsOver(checklist: Checklist): boolean {
  return [...checklist.values()].every((check) => check.nextAt === undefined)
}

export function checklistDeadline(checklist: Checklist): Instant | undefined {
  let first: Instant | undefined
  for (const { nextAt } of checklist.values()) {
    if (nextAt !== undefined && (first === undefined || nextAt < first)) first = nextAt
  }
  return first
}

function newCheck(
  { endpoint, source }: DirectWay,
  kind: CandidateKind,
  offered: boolean,
  now: Instant,
): Check {
  return {
    address: endpoint,
    source,
    kind,
    offered,
    state: 'waiting',
    probes: 0,
    nextAt: now,
    transactions: new Set(),
  }
}

function reset(check: Check, now: Instant): void {
  check.state = 'waiting'
  check.probes = 0
  check.nextAt = now
  check.transactions.clear()
}

function succeed(check: Check): void {
  check.state = 'succeeded'
  check.nextAt = undefined
  check.transactions.clear()
}

function checkKey({ address, source }: Check): string {
  return wayKey(wayFrom(address, source))
}

/** A failed peer-reflexive candidate makes room, so that a peer whose port changes often is still followed. */
function add(checklist: Checklist, check: Check): void {
  if (checklist.size >= CANDIDATES_PER_PEER_MAX) {
    const failed = [...checklist.values()].find(
      (old) => old.kind === 'peer-reflexive' && old.state === 'failed',
    )
    if (failed === undefined) return
    checklist.delete(checkKey(failed))
  }
  checklist.set(checkKey(check), check)
}
