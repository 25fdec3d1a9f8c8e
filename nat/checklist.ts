// SPDX-License-Identifier: Apache-2.0
/**
 * Connectivity checks of one peer (RFC 8445 section 6.1.2, without roles: both ends check, and each end keeps what
 * answered it). The local side of every pair is the one socket, so a check is named by its remote address.
 *
 * ```
 * waiting --sent--> in-progress --answered--> succeeded
 *                       |  \--budget used--> failed
 *    trigger, restart: back to waiting
 * ```
 */
import type { TransportAddress } from './address.ts'
import type { CandidateKind, Candidate } from './candidate.ts'
import { type Instant, later } from './clock.ts'
import { CANDIDATES_PER_PEER_MAX, CHECK_GAPS_MS } from './constants.ts'
import type { Entropy } from './entropy.ts'
import { toHex } from './hex.ts'

export type CheckState = 'waiting' | 'in-progress' | 'succeeded' | 'failed'

export interface Check {
  readonly address: TransportAddress
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

export type Checklist = Map<TransportAddress, Check>

export interface ProbeCommand {
  readonly endpoint: TransportAddress
  /** 32 hex digits. */
  readonly transaction: string
}

/** Takes the peer's candidates: new ones are checked at once, those no longer offered are dropped. */
export function offerCandidates(
  checklist: Checklist,
  candidates: readonly Candidate[],
  now: Instant,
): void {
  const offered = new Map(candidates.map((c) => [c.address, c.kind]))
  for (const check of checklist.values()) {
    check.offered = offered.has(check.address)
    if (!check.offered && check.kind !== 'peer-reflexive' && check.state !== 'succeeded') {
      checklist.delete(check.address)
    }
  }
  for (const [address, kind] of offered) {
    const known = checklist.get(address)
    if (known !== undefined) known.kind = kind
    else add(checklist, newCheck(address, kind, true, now))
  }
}

/**
 * A triggered check (RFC 8445 section 7.3.1.4): the peer's probe came from there, so the way is open in one direction and an
 * answer is likely now. An address that was not offered becomes a peer-reflexive candidate.
 */
export function triggerCheck(checklist: Checklist, address: TransportAddress, now: Instant): void {
  const check = checklist.get(address)
  if (check === undefined) {
    add(checklist, newCheck(address, 'peer-reflexive', false, now))
  } else if (check.state === 'failed' || check.state === 'waiting') {
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
  for (const check of checklist.values()) {
    if (check.kind === 'peer-reflexive' && check.state === 'failed') checklist.delete(check.address)
    else if (everything || check.state !== 'succeeded') reset(check, now)
  }
}

/** What was proven once has stopped answering: it is checked like any other again. */
export function recheck(checklist: Checklist, address: TransportAddress, now: Instant): void {
  const check = checklist.get(address)
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
    commands.push({ endpoint: check.address, transaction })
  }
  return commands
}

/** True if the answer belongs to a check of this round. */
export function checkAnswered(
  checklist: Checklist,
  address: TransportAddress,
  transaction: string,
): boolean {
  const check = checklist.get(address)
  if (check === undefined || !check.transactions.has(transaction)) return false
  succeed(check)
  return true
}

/** A path that somebody else proved, such as the helper before the agent restarted. */
export function adoptSucceeded(
  checklist: Checklist,
  address: TransportAddress,
  now: Instant,
): void {
  const check = checklist.get(address) ?? newCheck(address, 'peer-reflexive', false, now)
  succeed(check)
  checklist.set(address, check)
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
  address: TransportAddress,
  kind: CandidateKind,
  offered: boolean,
  now: Instant,
): Check {
  return {
    address,
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

/** A failed peer-reflexive candidate makes room, so that a peer whose port changes often is still followed. */
function add(checklist: Checklist, check: Check): void {
  if (checklist.size >= CANDIDATES_PER_PEER_MAX) {
    const failed = [...checklist.values()].find(
      (old) => old.kind === 'peer-reflexive' && old.state === 'failed',
    )
    if (failed === undefined) return
    checklist.delete(failed.address)
  }
  checklist.set(check.address, check)
}
