// SPDX-License-Identifier: Apache-2.0
/**
 * What happened to this node, kept for whoever asks later: a bounded ring in memory. The log has it all for good; what
 * the ring is for is `meshgate events`, status and metrics, and these begin anew with the agent.
 */
import type { WallTime } from '../../nat/clock.ts'
import type { HelperTakeover } from './helper-takeover.ts'

/** Some hours of a bad day. */
export const EVENTS_MAX = 1_024

/** Everything that can be told. Peers are named as people name them, paths by `pathText`. */
export type Happening =
  /** Traffic moved. `gapMs`: for how long at most nothing arrived over the old path; 0 if it was still alive. */
  | {
      readonly kind: 'path-switched'
      readonly peer: string
      readonly from: string | null
      readonly to: string | null
      readonly cause: string
      readonly gapMs: number
    }
  | {
      readonly kind: 'path-down'
      readonly peer: string
      readonly path: string
      readonly reason: string
    }
  /** `sinceMs`: since there was reason to look for it: it became known, or the one before it went down. */
  | {
      readonly kind: 'path-proven'
      readonly peer: string
      readonly path: string
      readonly rttMs: number
      readonly sinceMs: number
    }
  /** `task`: spread from many sockets, sweep over many ports, or cross: both sides the same. `probes`: at most. */
  | {
      readonly kind: 'search-begun'
      readonly peer: string
      readonly search: 'birthday' | 'prediction'
      readonly task: 'spread' | 'sweep' | 'cross'
      readonly sockets: number
      readonly probes: number
    }
  /** `endpoint`: where the peer was met; `socket`: at which punched socket, if it was not the one port. */
  | {
      readonly kind: 'search-ended'
      readonly peer: string
      readonly result: 'found' | 'nothing' | 'stopped'
      readonly sockets: number
      readonly probes: number
      readonly endpoint: string | null
      readonly socket: number | null
    }
  /**
   * `kept`: the peers that it had already; `restored`: it was killed or replaced, and went on with what it had kept;
   * `takeover`: what of the earlier one's it has, or null if there was none.
   */
  | {
      readonly kind: 'helper-connected'
      readonly version: string
      readonly engine: string
      readonly why: string
      readonly kept: number
      readonly restored: boolean
      readonly takeover: HelperTakeover | null
    }
  /** A data channel, for want of other paths. `over`: kinds of candidates. */
  | { readonly kind: 'channel-opened'; readonly peer: string; readonly over: string }
  | { readonly kind: 'channel-closed'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'helper-lost'; readonly reason: string }
  | { readonly kind: 'device-lost'; readonly reason: string }
  /** A TURN server gave this host an address, or gives it none. `detail`: the cause for a person. */
  | { readonly kind: 'turn-up'; readonly server: string; readonly relayed: string }
  | {
      readonly kind: 'turn-down'
      readonly server: string
      readonly cause: string
      readonly detail: string | null
    }
  | { readonly kind: 'mapping-changed'; readonly before: string; readonly mapped: string | null }
  /** A member that was not here before, or is here again. */
  | { readonly kind: 'member-joined'; readonly peer: string }
  /** It said goodbye. */
  | { readonly kind: 'member-left'; readonly peer: string }
  /** By what members ask and tell each other: it did not answer; it is given up; it is there after all. */
  | { readonly kind: 'member-suspect'; readonly peer: string }
  | { readonly kind: 'member-failed'; readonly peer: string }
  | { readonly kind: 'member-alive'; readonly peer: string }
  | { readonly kind: 'member-revoked'; readonly peer: string }
  | { readonly kind: 'member-expired'; readonly peer: string }
  /** This host's own certificate; times are ISO 8601. */
  | { readonly kind: 'certificate-replaced'; readonly serial: number; readonly notAfter: string }
  | { readonly kind: 'renewal-failed'; readonly reason: string; readonly retryInS: number }
  /** Another host runs with this one's keys. */
  | { readonly kind: 'twin-seen'; readonly version: number }
  /** Of the members of the store that authorities share so many answer: too few, or enough again. */
  | { readonly kind: 'authority-quorum-lost'; readonly answering: number; readonly of: number }
  | { readonly kind: 'authority-quorum-back'; readonly answering: number; readonly of: number }
  /** The root has taken back a delegated authority's right; its public key, hex. */
  | { readonly kind: 'authority-withdrawn'; readonly key: string }
  /** Who may reach whom. */
  | { readonly kind: 'policy-changed'; readonly serial: number; readonly rules: number }
  /** This host is no member any more. */
  | { readonly kind: 'revoked'; readonly serial: number }
  | { readonly kind: 'links-changed'; readonly addresses: readonly string[] }

export type EventOf<K extends Happening['kind']> = Extract<EventEntry, { readonly kind: K }>

/** `sequence` grows by one with each event of one run of the agent; `time` is ISO 8601. */
export interface Stamp {
  readonly sequence: number
  readonly time: string
}

/** As `meshgate events --json` prints it. */
export type EventEntry = Happening & Stamp

export interface EventLog {
  /** Oldest first. */
  readonly entries: EventEntry[]
  /** How often each kind happened in this run. */
  readonly counts: Map<Happening['kind'], number>
  nextSequence: number
}

export function createEventLog(): EventLog {
  return { entries: [], counts: new Map(), nextSequence: 1 }
}

/** Keeps it, and tells the shell. */
export function remember<H extends Happening>(
  log: EventLog,
  happening: H,
  wall: WallTime,
): { readonly kind: 'event'; readonly entry: H & Stamp } {
  const stamp = { sequence: log.nextSequence++, time: new Date(wall).toISOString() }
  const entry = { ...stamp, ...happening }
  log.entries.push(entry)
  if (log.entries.length > EVENTS_MAX) log.entries.shift()
  log.counts.set(happening.kind, (log.counts.get(happening.kind) ?? 0) + 1)
  return { kind: 'event', entry }
}

/** Whether a person should look at it. */
export function isWarning({ kind }: Happening): boolean {
  return [
    'path-down',
    'helper-lost',
    'device-lost',
    'turn-down',
    'renewal-failed',
    'revoked',
    'twin-seen',
    'authority-quorum-lost',
  ].includes(kind)
}
