// SPDX-License-Identifier: Apache-2.0
/**
 * How the helper keeps armed paths (native/PROTOCOL.md, Desired state): a path is up once a probe on it has
 * been answered, and down after three unanswered ones in a row; traffic takes the first one that is up.
 * Detours are for peers that have traffic, and nothing here flows all the time: native/internal/paths simulates those.
 */
import type { TransportAddress } from '../../nat/address.ts'
import type {
  DesiredPath,
  DesiredPeer,
  HelperEvent,
  HelperPeer,
} from '../../agent/core/helper-contract.ts'
import { describePath } from './path-description.ts'
import type { Alarm, VirtualClock } from './virtual-clock.ts'

/** A reply is waited for this long, and the next probe of a path that is in doubt follows at once. */
const REPLY_MS = 1_000
/** First wait between probes of a new path; the waits double. */
const TRIAL_START_MS = 100
/** A new path is given up after this; nobody is told, because it was never up. */
const TRIAL_MS = 3_000
/** Pace of probes on a path that is down. */
const DOWN_MS = 5_000
const UNANSWERED_MAX = 3
/** The share of a new round trip in the smoothed one, as a divisor. */
const RTT_WEIGHT = 8

export type DesiredTurnPath = Extract<DesiredPath, { kind: 'turn' }>

interface Path {
  readonly peer: string
  readonly wanted: DesiredPath
  keepaliveMs: number
  readonly bornMs: number
  trialWaitMs: number
  /** Undefined until the first verdict. */
  up: boolean | undefined
  rttMs: number | undefined
  repliedMs: number | undefined
  unanswered: number
  /** Not answered yet, oldest first: the round trip of a new path may be longer than the wait. */
  probes: { readonly transaction: string; readonly sentMs: number }[]
  alarm: Alarm | undefined
}

interface Peer {
  paths: Map<string, Path>
  active: string | undefined
  changed: boolean
}

export interface PathModelOptions {
  readonly clock: VirtualClock
  readonly emit: (event: HelperEvent) => void
  readonly newTransaction: () => string
  /** False if the path leads nowhere for now, as one over a hub without a direct path. */
  readonly send: (peer: string, path: DesiredPath, transaction: string) => boolean
}

export class PathModel {
  readonly #options: PathModelOptions
  readonly #peers = new Map<string, Peer>()
  #desired: readonly DesiredPeer[] = []

  constructor(options: PathModelOptions) {
    this.#options = options
  }

  /** Paths that stay keep what was measured of them, in whatever order they are wanted now. */
  keep(desired: readonly DesiredPeer[]): void {
    this.#desired = desired
    const wanted = new Set(desired.map(({ publicKey }) => publicKey))
    for (const [key, peer] of this.#peers) {
      if (wanted.has(key)) continue
      for (const path of peer.paths.values()) this.#stop(path)
      this.#peers.delete(key)
    }
    for (const peer of desired) this.#keepPeer(peer)
    for (const { publicKey } of desired)
      if (!this.#isReached(publicKey)) this.#hubChanged(publicKey)
  }

  /** Where a peer is reached without a hub, if it is. */
  directOf(publicKey: string): TransportAddress | undefined {
    for (const { wanted, up } of this.#peers.get(publicKey)?.paths.values() ?? [])
      if (wanted.kind === 'direct' && wanted.socket === undefined && up === true)
        return wanted.endpoint
    return undefined
  }

  /** By which path over a TURN server of ours a peer is reached, if by any. */
  turnedOf(publicKey: string): DesiredTurnPath | undefined {
    for (const { wanted, up } of this.#peers.get(publicKey)?.paths.values() ?? [])
      if (wanted.kind === 'turn' && up === true) return wanted
    return undefined
  }

  /** What could not leave while there was no allocation can now. */
  turnIsUp(): void {
    for (const { paths } of this.#peers.values())
      for (const path of paths.values())
        if (path.wanted.kind === 'turn' && path.up !== true) this.#schedule(path, 0)
  }

  #isReached(hub: string): boolean {
    return this.directOf(hub) !== undefined || this.turnedOf(hub) !== undefined
  }

  /** The path that carries a peer's traffic. */
  activeOf(publicKey: string): DesiredPath | undefined {
    const peer = this.#peers.get(publicKey)
    return peer?.active === undefined ? undefined : peer.paths.get(peer.active)?.wanted
  }

  /** What carries a peer's traffic, if anything does. */
  carrierOf(publicKey: string): DesiredPath | undefined {
    const peer = this.#peers.get(publicKey)
    const path = peer?.active === undefined ? undefined : peer.paths.get(peer.active)
    return path?.up === true ? path.wanted : undefined
  }

  /** WireGuard's counters have changed. */
  noticeTraffic(publicKey: string): void {
    const peer = this.#peers.get(publicKey)
    if (peer !== undefined) peer.changed = true
  }

  /** Peers whose numbers changed since this was asked last. */
  takeChanged(): DesiredPeer[] {
    return this.#desired.filter(({ publicKey }) => {
      const peer = this.#peers.get(publicKey)!
      const { changed } = peer
      peer.changed = false
      return changed
    })
  }

  stateOf({ publicKey }: DesiredPeer): Pick<HelperPeer, 'activePath' | 'session' | 'paths'> {
    const { nowMs } = this.#options.clock
    const { active, paths } = this.#peers.get(publicKey)!
    const age = (atMs: number | undefined) => (atMs === undefined ? null : nowMs - atMs)
    const micros = (ms: number | undefined) => (ms === undefined ? null : Math.round(ms * 1000))
    const carrying = active === undefined ? undefined : paths.get(active)
    return {
      activePath: active ?? null,
      // Every answer on the active path stands for an echo inside the session.
      session: { rttUs: micros(carrying?.rttMs), ageMs: age(carrying?.repliedMs) },
      paths: [...paths.values()].map(({ wanted, up, rttMs, repliedMs, unanswered }) => ({
        ...describePath(wanted, (hub) => this.directOf(hub)),
        up: up === true,
        carries: null,
        rttUs: micros(rttMs),
        lossPermille: unanswered === 0 ? 0 : 100 * unanswered,
        lastReplyMs: age(repliedMs),
      })),
    }
  }

  answered({ publicKey }: DesiredPeer, transaction: string): void {
    const peer = this.#peers.get(publicKey)
    for (const path of peer?.paths.values() ?? []) {
      const probe = path.probes.find((sent) => sent.transaction === transaction)
      if (peer === undefined || probe === undefined) continue
      const { nowMs } = this.#options.clock
      const rttMs = nowMs - probe.sentMs
      path.rttMs = path.rttMs === undefined ? rttMs : path.rttMs + (rttMs - path.rttMs) / RTT_WEIGHT
      path.repliedMs = nowMs
      path.unanswered = 0
      path.probes = []
      peer.changed = true
      if (path.up !== true) {
        path.up = true
        const rttUs = Math.round(path.rttMs * 1000)
        this.#options.emit({ method: 'path-up', peer: publicKey, path: path.wanted.id, rttUs })
        this.#choose(publicKey, peer, 'path up')
        this.#hubChanged(publicKey)
      }
      this.#schedule(path, path.keepaliveMs)
    }
  }

  #keepPeer({ publicKey, keepaliveMs, paths }: DesiredPeer): void {
    const peer = this.#peers.get(publicKey) ?? {
      paths: new Map(),
      active: undefined,
      changed: true,
    }
    this.#peers.set(publicKey, peer)
    const old = peer.paths
    peer.paths = new Map(
      paths.map((wanted) => {
        const named = old.get(wanted.id)
        const known = named !== undefined && isSame(named.wanted, wanted) ? named : undefined
        if (known !== undefined) old.delete(wanted.id)
        if (known !== undefined) known.keepaliveMs = keepaliveMs
        return [wanted.id, known ?? this.#newPath(publicKey, wanted, keepaliveMs)]
      }),
    )
    for (const path of old.values()) this.#stop(path)
    for (const path of peer.paths.values()) if (path.alarm === undefined) this.#schedule(path, 0)
    this.#choose(publicKey, peer, 'order')
  }

  #choose(publicKey: string, peer: Peer, cause: string): void {
    const paths = [...peer.paths.values()]
    const to = (paths.find((path) => path.up === true) ?? paths[0])?.wanted.id
    if (to === peer.active) return
    const from = peer.active
    peer.active = to
    const { emit } = this.#options
    emit({
      method: 'switched',
      peer: publicKey,
      from: from ?? null,
      to: to ?? null,
      cause,
      gapMs: 0,
    })
  }

  #schedule(path: Path, delayMs: number): void {
    this.#stop(path)
    path.alarm = this.#options.clock.after(delayMs, () => this.#probe(path))
  }

  #probe(path: Path): void {
    const { clock, newTransaction, send } = this.#options
    if (path.probes.length > 0) this.#unanswered(path)
    const transaction = newTransaction()
    path.probes = [...path.probes.slice(-7), { transaction, sentMs: clock.nowMs }]
    if (!send(path.peer, path.wanted, transaction)) this.#fall(path, 'the hub is not reached')
    if (path.up !== undefined) return this.#schedule(path, path.up ? REPLY_MS : DOWN_MS)
    this.#schedule(path, path.trialWaitMs)
    path.trialWaitMs *= 2
  }

  #unanswered(path: Path): void {
    path.unanswered = Math.min(UNANSWERED_MAX, path.unanswered + 1)
    const peer = this.#peers.get(path.peer)
    if (peer === undefined) return
    peer.changed = true
    if (path.up === undefined && this.#options.clock.nowMs - path.bornMs >= TRIAL_MS)
      path.up = false
    if (path.unanswered >= UNANSWERED_MAX) this.#fall(path, '3 probes unanswered')
  }

  #fall(path: Path, reason: string): void {
    const peer = this.#peers.get(path.peer)
    const wasUp = path.up === true
    if (!wasUp || peer === undefined) return
    path.up = false
    this.#options.emit({ method: 'path-down', peer: path.peer, path: path.wanted.id, reason })
    this.#choose(path.peer, peer, 'path down')
    this.#hubChanged(path.peer)
  }

  /** A relayed path falls with the last path to its first hub, and is asked at once when there is one again. */
  #hubChanged(hub: string): void {
    const isReached = this.#isReached(hub)
    const over = [...this.#peers.values()].flatMap((peer) =>
      [...peer.paths.values()].filter(
        ({ wanted }) => wanted.kind === 'relay' && wanted.via[0] === hub,
      ),
    )
    for (const path of over) {
      // Telling of one path may change which others are wanted.
      if (this.#peers.get(path.peer)?.paths.get(path.wanted.id) !== path) continue
      if (!isReached) this.#fall(path, 'the hub is not reached')
      else if (path.up !== true) this.#schedule(path, 0)
    }
  }

  #stop(path: Path): void {
    if (path.alarm !== undefined) path.alarm.cancelled = true
  }

  #newPath(peer: string, wanted: DesiredPath, keepaliveMs: number): Path {
    return {
      peer,
      wanted,
      keepaliveMs,
      bornMs: this.#options.clock.nowMs,
      trialWaitMs: TRIAL_START_MS,
      up: undefined,
      rttMs: undefined,
      repliedMs: undefined,
      unanswered: 0,
      probes: [],
      alarm: undefined,
    }
  }
}

function isSame(a: DesiredPath, b: DesiredPath): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
