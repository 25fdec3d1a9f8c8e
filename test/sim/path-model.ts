// SPDX-License-Identifier: Apache-2.0
/**
 * How the helper keeps armed paths (native/PROTOCOL.md, Desired state): a path is up once a probe on it has
 * been answered, and down after three unanswered ones in a row; traffic takes the first one that is up.
 */
import type { TransportAddress } from '../../nat/address.ts'
import type {
  DesiredPath,
  DesiredPeer,
  HelperEvent,
  HelperPeer,
} from '../../agent/core/helper-contract.ts'
import type { Alarm, VirtualClock } from './virtual-clock.ts'

/** A reply is waited for this long, and the next probe of a path that is in doubt follows at once. */
const REPLY_MS = 1_000
/** A new path is given up after this; nobody is told, because it was never up. */
const TRIAL_MS = 3_000
/** Pace of probes on a path that is down. */
const DOWN_MS = 5_000
const UNANSWERED_MAX = 3

interface Path {
  readonly peer: string
  readonly wanted: DesiredPath
  keepaliveMs: number
  readonly bornMs: number
  /** Undefined until the first verdict. */
  up: boolean | undefined
  rttMs: number | undefined
  repliedMs: number | undefined
  unanswered: number
  probe: { readonly transaction: string; readonly sentMs: number } | undefined
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
  readonly send: (peer: string, endpoint: TransportAddress, transaction: string) => void
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
        ...wanted,
        up: up === true,
        rttUs: micros(rttMs),
        lossPermille: unanswered === 0 ? 0 : 100 * unanswered,
        lastReplyMs: age(repliedMs),
      })),
    }
  }

  answered({ publicKey }: DesiredPeer, transaction: string): void {
    const peer = this.#peers.get(publicKey)
    for (const path of peer?.paths.values() ?? []) {
      if (peer === undefined || path.probe?.transaction !== transaction) continue
      const { nowMs } = this.#options.clock
      path.rttMs = nowMs - path.probe.sentMs
      path.repliedMs = nowMs
      path.unanswered = 0
      path.probe = undefined
      peer.changed = true
      if (path.up !== true) {
        path.up = true
        const rttUs = Math.round(path.rttMs * 1000)
        this.#options.emit({ method: 'path-up', peer: publicKey, path: path.wanted.id, rttUs })
        this.#choose(publicKey, peer, 'path up')
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
        const known = old.get(wanted.id)
        old.delete(wanted.id)
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
    if (path.probe !== undefined) this.#unanswered(path)
    const transaction = newTransaction()
    path.probe = { transaction, sentMs: clock.nowMs }
    send(path.peer, path.wanted.endpoint, transaction)
    this.#schedule(path, path.up === false ? DOWN_MS : REPLY_MS)
  }

  #unanswered(path: Path): void {
    path.unanswered = Math.min(UNANSWERED_MAX, path.unanswered + 1)
    const peer = this.#peers.get(path.peer)
    if (peer === undefined) return
    peer.changed = true
    if (path.up === undefined && this.#options.clock.nowMs - path.bornMs >= TRIAL_MS)
      path.up = false
    if (path.up !== true || path.unanswered < UNANSWERED_MAX) return
    path.up = false
    const reason = '3 probes unanswered'
    this.#options.emit({ method: 'path-down', peer: path.peer, path: path.wanted.id, reason })
    this.#choose(path.peer, peer, 'path down')
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
      up: undefined,
      rttMs: undefined,
      repliedMs: undefined,
      unanswered: 0,
      probe: undefined,
      alarm: undefined,
    }
  }
}
