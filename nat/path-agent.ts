// SPDX-License-Identifier: Apache-2.0
/**
 * One peer: candidates and probe results in, probe commands and the order of paths out.
 *
 * ```
 * candidates, probes heard --> checklist --answered--> proven paths --order--> the helper's armed paths
 *                                  ^                        |
 *                                  +---- none is up --------+  (and on a slow schedule while there is none)
 * ```
 * The helper probes what is armed and switches by itself; its reports come back here and decide the order.
 */
import type { TransportAddress } from './address.ts'
import type { Candidate } from './candidate.ts'
import {
  adoptSucceeded,
  checkAnswered,
  checklistDeadline,
  dueProbes,
  offerCandidates,
  type ProbeCommand,
  recheck,
  restartChecks,
  roundIsOver,
  triggerCheck,
} from './checklist.ts'
import { earliest, type Instant, later } from './clock.ts'
import {
  PATH_FORGET_MS,
  PROBE_UNDER_WAY_MS,
  PROBES_UNDER_WAY_MAX,
  RETRY_ROUND_MS_MAX,
  RETRY_ROUND_MS_MIN,
} from './constants.ts'
import { type DirectWay, wayFrom, wayKey } from './direct-way.ts'
import type { Entropy } from './entropy.ts'
import { isDirect, isRelayed, type ProvenPath, type ProvenPaths } from './proven-paths.ts'

export interface PathAgent extends ProvenPaths {
  /** Since when there is reason to look for a direct path, for "direct after N ms". */
  startedAt: Instant | undefined
  /** Rounds in a row that found nothing. */
  fruitlessRounds: number
  retryAt: Instant | undefined
  /** What our instants lack to the clock by which both hosts of the pair begin their rounds. */
  sharedClockMs: number
  /** When the latest probes were sent, oldest first. */
  readonly sentAt: Instant[]
}

/** What the helper measured on one armed path. */
export interface PathReport extends DirectWay {
  readonly up: boolean
  readonly rttMs: number | undefined
  readonly lossPermille: number
}

export function createPathAgent(): PathAgent {
  return {
    checklist: new Map(),
    proven: new Map(),
    incumbent: undefined,
    startedAt: undefined,
    fruitlessRounds: 0,
    retryAt: undefined,
    sharedClockMs: 0,
    sentAt: [],
  }
}

/** The peer's candidates as of its latest record, without our own addresses; `sources` are ours on spare uplinks. */
export function offer(
  agent: PathAgent,
  candidates: readonly Candidate[],
  now: Instant,
  sources: readonly string[] = [],
): void {
  const isOffered = (path: ProvenPath) => agent.checklist.get(checkKeyOf(path))?.offered === true
  const named = [...agent.proven.values()].filter(isOffered)
  const isNews = candidates.some(({ address }) => !agent.checklist.has(address))
  offerCandidates(agent.checklist, candidates, now, sources)
  for (const path of named) path.isWithdrawn = true
  for (const path of agent.proven.values()) if (isOffered(path)) path.isWithdrawn = false
  if (isNews) seek(agent, now)
}

/** A genuine probe of the peer arrived from `from`. */
export function hear(agent: PathAgent, from: TransportAddress, now: Instant): void {
  const isNews = !agent.checklist.has(from)
  triggerCheck(agent.checklist, from, now)
  if (isNews) seek(agent, now)
}

/** Our probe was answered: over which way, and whether this proved a path that was not known before. */
export function answered(
  agent: PathAgent,
  reply: { endpoint: TransportAddress; transaction: string; rttMs: number },
  now: Instant,
): { readonly way: DirectWay; readonly isNews: boolean } | undefined {
  const way = checkAnswered(agent.checklist, reply.endpoint, reply.transaction)
  if (way === undefined) return undefined
  const isNews = !agent.proven.has(wayKey(way))
  prove(agent, { ...way, up: true, rttMs: reply.rttMs, lossPermille: 0 }, now)
  endRound(agent, now)
  return { way, isNews }
}

/** A search has met the peer at a socket of ours: its probe came there, and is answered from there. */
export function punched(agent: PathAgent, way: DirectWay, now: Instant): void {
  prove(agent, { ...way, up: true, rttMs: undefined, lossPermille: 0 }, now)
}

/** Another helper has none of the sockets that the last one had. */
export function losePunched(agent: PathAgent): void {
  for (const [key, { socket }] of agent.proven) if (socket !== undefined) agent.proven.delete(key)
}

/** Takes the paths that a helper already keeps, first one first, as an agent does that was restarted. */
export function adopt(agent: PathAgent, reports: readonly PathReport[], now: Instant): void {
  for (const report of reports) {
    if (report.up && report.socket === undefined) adoptSucceeded(agent.checklist, report, now)
    prove(agent, report, now)
    const adopted = agent.proven.get(wayKey(report))
    if (adopted !== undefined) adopted.isTaken = report.up
  }
  const first = reports.find(({ endpoint }) => !isRelayed(agent, endpoint))
  agent.incumbent ??= first && wayKey(first)
  seek(agent, now)
}

/** The helper's measurements of armed paths; reports of any other path are stale and ignored. */
export function report(agent: PathAgent, reports: readonly PathReport[], now: Instant): void {
  const wasUp = isDirect(agent)
  for (const measured of reports) {
    const path = agent.proven.get(wayKey(measured))
    if (path === undefined) continue
    path.up = measured.up
    path.isTaken = measured.up
    path.rttMs = measured.rttMs ?? path.rttMs
    path.lossPermille = measured.lossPermille
    path.downSince = measured.up ? undefined : (path.downSince ?? now)
  }
  const isUp = isDirect(agent)
  // The whole list again, and at once: whatever cut the last path may have opened another.
  if (wasUp && !isUp) {
    agent.startedAt = now
    beginRound(agent, now)
  }
  if (isUp) endSearch(agent)
}

/**
 * Something that decides which paths work has changed: links, or what a NAT maps. What works is asked too: if our own
 * NAT is new, the peer's filter lets us in again only once we have knocked.
 */
export function retry(agent: PathAgent, now: Instant): void {
  endSearch(agent)
  seek(agent, now)
  restartChecks(agent.checklist, now, { everything: true })
}

/** The probes to send now, at most `budget`. Call again at `pathDeadline`. */
export function probes(
  agent: PathAgent,
  now: Instant,
  budget: number,
  entropy: Entropy,
): ProbeCommand[] {
  const deadline = pathDeadline(agent)
  // Called in every step for every peer, and seldom for a reason.
  if (deadline === undefined || deadline > now) return []
  forget(agent, now)
  if (agent.retryAt !== undefined && agent.retryAt <= now) beginRound(agent, now)
  while (agent.sentAt[0] !== undefined && later(agent.sentAt[0], PROBE_UNDER_WAY_MS) <= now) {
    agent.sentAt.shift()
  }
  const room = PROBES_UNDER_WAY_MAX - agent.sentAt.length
  const commands = dueProbes(agent.checklist, now, Math.min(budget, room), entropy)
  for (let i = 0; i < commands.length; i++) agent.sentAt.push(now)
  endRound(agent, now)
  return commands
}

/** A round without a direct path is followed by another one. */
function endRound(agent: PathAgent, now: Instant): void {
  if (isDirect(agent) || agent.retryAt !== undefined || !roundIsOver(agent.checklist)) return
  agent.retryAt = nextRound(agent, now)
  agent.fruitlessRounds += 1
}

export function pathDeadline(agent: PathAgent): Instant | undefined {
  let first = earliest([checksDeadline(agent), agent.retryAt])
  for (const { downSince } of agent.proven.values()) {
    if (downSince !== undefined) first = earliest([first, later(downSince, PATH_FORGET_MS)])
  }
  return first
}

function checksDeadline(agent: PathAgent): Instant | undefined {
  const due = checklistDeadline(agent.checklist)
  const oldest = agent.sentAt[0]
  if (due === undefined || oldest === undefined || agent.sentAt.length < PROBES_UNDER_WAY_MAX)
    return due
  const room = later(oldest, PROBE_UNDER_WAY_MS)
  return room > due ? room : due
}

function prove(agent: PathAgent, path: PathReport, now: Instant): void {
  const known = agent.proven.get(wayKey(path))
  agent.proven.set(wayKey(path), {
    ...path,
    provenAt: known?.provenAt ?? now,
    isWithdrawn: known?.isWithdrawn ?? false,
    isTaken: known?.isTaken,
    downSince: path.up ? undefined : now,
  })
  if (isDirect(agent)) endSearch(agent)
}

/** A pair that has no direct path has been looking for one all the time. */
function seek(agent: PathAgent, now: Instant): void {
  if (isDirect(agent)) agent.startedAt = now
  else agent.startedAt ??= now
}

function endSearch(agent: PathAgent): void {
  agent.retryAt = undefined
  agent.fruitlessRounds = 0
}

function beginRound(agent: PathAgent, now: Instant): void {
  agent.retryAt = undefined
  for (const path of agent.proven.values()) {
    if (!path.up && path.socket === undefined) recheck(agent.checklist, path, now)
  }
  restartChecks(agent.checklist, now)
}

/** Paths that stay down leave; if the peer still offers the address, its check goes on without them. */
function forget(agent: PathAgent, now: Instant): void {
  for (const [key, path] of agent.proven) {
    if (path.downSince === undefined || later(path.downSince, PATH_FORGET_MS) > now) continue
    agent.proven.delete(key)
    if (path.socket !== undefined) continue
    const check = agent.checklist.get(key)
    if (check?.offered === false) agent.checklist.delete(key)
    else if (check?.state === 'succeeded') recheck(agent.checklist, path, now)
  }
}

/** A punched socket's path is of an address that is checked from the one port, too. */
function checkKeyOf({ endpoint, source }: DirectWay): string {
  return wayKey(wayFrom(endpoint, source))
}

/**
 * Both hosts begin at the same moments: a filter lets the other in only while its own host knocks, and rounds of half a
 * minute's effect that are minutes apart would never meet.
 */
function nextRound({ fruitlessRounds, sharedClockMs }: PathAgent, now: Instant): Instant {
  const periodMs = Math.min(RETRY_ROUND_MS_MAX, RETRY_ROUND_MS_MIN * 2 ** fruitlessRounds)
  const earliestMs = now + sharedClockMs + periodMs / 2
  return later(now, Math.ceil(earliestMs / periodMs) * periodMs - sharedClockMs - now)
}
