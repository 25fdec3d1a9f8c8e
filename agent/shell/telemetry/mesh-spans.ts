// SPDX-License-Identifier: Apache-2.0
/**
 * Spans from the event log: what happened tells when something began and when it ended. Times are the events' own, so
 * it does not matter how late they are read.
 */
import type { Entropy } from '../../../nat/entropy.ts'
import { toHex } from '../../../nat/hex.ts'
import type { EventEntry, EventOf } from '../../core/event-log.ts'
import type { Span, SpanName } from './span.ts'

/** Who has no path after so long is told as a failure; the path may still come. */
export const JOIN_MS_MAX = 60_000
/** A cut that lasts is told while somebody may still look for it. */
export const OUTAGE_MS_MAX = 10 * 60_000
/** Of each kind. More members at once have the oldest forgotten. */
const OPEN_MAX = 1_024

const FAILOVER_CAUSES: ReadonlySet<string> = new Set(['path-down', 'detour-loss', 'detour-delay'])

interface Open {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly startMs: number
  readonly attributes: Span['attributes']
}

export class MeshSpans {
  readonly #randomBytes: Entropy
  readonly #joins = new Map<string, Open>()
  readonly #searches = new Map<string, Open>()
  /** Members whose last path went and left none. */
  readonly #outages = new Map<string, Open>()
  /** Members that were reached directly, with the time when that ended. */
  readonly #direct = new Map<string, number | undefined>()

  constructor(randomBytes: Entropy) {
    this.#randomBytes = randomBytes
  }

  /** The spans that end with it. */
  take(entry: EventEntry): Span[] {
    const atMs = Date.parse(entry.time)
    const { kind } = entry
    if (kind === 'member-joined') {
      keep(this.#joins, entry.peer, this.#open(atMs, { 'meshgate.peer': entry.peer }))
      return []
    }
    if (kind === 'path-proven') return this.#punched(entry, atMs)
    if (kind === 'path-switched') return this.#switched(entry, atMs)
    if (kind === 'search-begun') return this.#searching(entry, atMs)
    if (kind === 'search-ended') return this.#searched(entry, atMs)
    if (kind === 'path-down') {
      if (isDirect(entry.path)) keep(this.#direct, entry.peer, atMs)
      return []
    }
    const isGone = kind === 'member-left' || kind === 'member-revoked' || kind === 'member-expired'
    return isGone ? this.#gone(entry.peer, atMs, kind) : []
  }

  /** The spans that nothing has ended for too long. */
  expire(nowMs: number): Span[] {
    const tooOld = (open: ReadonlyMap<string, Open>, lastsMs: number) =>
      [...open].filter(([, { startMs }]) => nowMs - startMs >= lastsMs).map(([peer]) => peer)
    const failure = 'no path yet'
    return [
      ...tooOld(this.#joins, JOIN_MS_MAX).flatMap((peer) =>
        end(this.#joins, 'join', peer, { endMs: nowMs, failure }),
      ),
      ...tooOld(this.#outages, OUTAGE_MS_MAX).flatMap((peer) =>
        end(this.#outages, 'failover', peer, { endMs: nowMs, failure }),
      ),
    ]
  }

  #searching(entry: EventOf<'search-begun'>, atMs: number): Span[] {
    const { peer, search, task, sockets } = entry
    const facts = { 'meshgate.search': search, 'meshgate.task': task }
    const attributes = { 'meshgate.peer': peer, ...facts, 'meshgate.sockets': sockets }
    keep(this.#searches, peer, this.#open(atMs, attributes, this.#joins.get(peer)))
    return []
  }

  #searched({ peer, result, probes }: EventOf<'search-ended'>, atMs: number): Span[] {
    const more = { 'meshgate.result': result, 'meshgate.probes': probes }
    const failure = result === 'nothing' ? 'the two sides did not meet' : undefined
    return end(this.#searches, 'search', peer, { endMs: atMs, more, failure })
  }

  #punched({ peer, path, rttMs, sinceMs }: EventOf<'path-proven'>, atMs: number): Span[] {
    if (!isDirect(path)) return []
    // A later punch begins where the path before it ended.
    const startMs = this.#direct.has(peer) ? this.#direct.get(peer) : atMs - sinceMs
    keep(this.#direct, peer, undefined)
    if (startMs === undefined) return []
    const attributes = { 'meshgate.peer': peer, 'meshgate.path': path, 'meshgate.rtt_ms': rttMs }
    const parent = this.#joins.get(peer) ?? this.#outages.get(peer)
    return [closed(this.#open(startMs, attributes, parent), 'punch', { endMs: atMs })]
  }

  #switched({ peer, from, to, cause, gapMs }: EventOf<'path-switched'>, atMs: number): Span[] {
    if (from !== null) {
      if (!FAILOVER_CAUSES.has(cause)) return []
      const facts = { 'meshgate.from': from, 'meshgate.cause': cause }
      const open = this.#open(atMs - gapMs, { 'meshgate.peer': peer, ...facts })
      if (to !== null) return [closed(open, 'failover', { endMs: atMs, more: arrival(to) })]
      keep(this.#outages, peer, open)
      return []
    }
    if (to === null) return []
    const ending = { endMs: atMs, more: arrival(to) }
    return [
      ...end(this.#joins, 'join', peer, ending),
      ...end(this.#outages, 'failover', peer, ending),
    ]
  }

  #gone(peer: string, endMs: number, failure: string): Span[] {
    this.#direct.delete(peer)
    return [
      ...end(this.#searches, 'search', peer, { endMs, failure }),
      ...end(this.#joins, 'join', peer, { endMs, failure }),
      ...end(this.#outages, 'failover', peer, { endMs, failure }),
    ]
  }

  #open(startMs: number, attributes: Span['attributes'], parent?: Open): Open {
    return {
      traceId: parent?.traceId ?? toHex(this.#randomBytes(16)),
      spanId: toHex(this.#randomBytes(8)),
      parentSpanId: parent?.spanId,
      startMs,
      attributes,
    }
  }
}

interface Ending {
  readonly endMs: number
  readonly more?: Span['attributes']
  readonly failure?: string | undefined
}

function end(open: Map<string, Open>, name: SpanName, peer: string, ending: Ending): Span[] {
  const begun = open.get(peer)
  open.delete(peer)
  return begun === undefined ? [] : [closed(begun, name, ending)]
}

/** A clock that was set back in between makes no span that ends before it begins. */
function closed(open: Open, name: SpanName, { endMs, more, failure }: Ending): Span {
  const attributes = { ...open.attributes, ...more }
  return { ...open, name, endMs: Math.max(open.startMs, endMs), attributes, failure }
}

const arrival = (path: string) => ({ 'meshgate.to': path })

/** As `pathText` of the core writes it. */
const isDirect = (path: string) => path.startsWith('direct ')

function keep<T>(map: Map<string, T>, peer: string, value: T): void {
  map.delete(peer)
  map.set(peer, value)
  const [oldest] = map.keys()
  if (map.size > OPEN_MAX && oldest !== undefined) map.delete(oldest)
}
