// SPDX-License-Identifier: Apache-2.0
/** What the authority says, between the core, the disk, gossip and, where it is at hand, the authority itself. */
import { err, ok, type Result } from '../../nat/result.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { Signer } from '../../topology/crypto.ts'
import { x25519KeyOf } from '../../topology/identity.ts'
import { type JoinReply, readJoinReply } from '../../topology/join-reply.ts'
import { isNews, sortedNotices } from '../../topology/notice.ts'
import { makeRenewal } from '../../topology/renewal.ts'
import type { Node } from '../core/state.ts'
import type { QuorumStatus } from '../core/status.ts'
import { judgeNotice } from './agent-underlay.ts'
import type { JoinDesk } from './authority/answer-join.ts'
import { watchQuorum } from './authority/quorum-watch.ts'
import { readClock } from './clock.ts'
import type { Log } from './log.ts'
import type { Loop } from './loop.ts'
import { nodeCrypto, signerOf, x25519PublicKey } from './node-crypto.ts'
import { newKeys, type StateDir } from './state/state-dir.ts'
import type { Underlay } from './underlay/underlay-contract.ts'

type Accepted = Extract<JoinReply, { kind: 'accepted' }>

const ANNOUNCE_PERIOD_MS = 10_000

export interface MembershipKeeperOptions {
  readonly state: StateDir
  readonly node: Node
  readonly loop: Pick<Loop, 'dispatch'>
  readonly desk: JoinDesk | undefined
  readonly underlay: () => Underlay | undefined
  readonly log: Log
}

export class MembershipKeeper {
  readonly #options: MembershipKeeperOptions
  #timer: NodeJS.Timeout | undefined
  readonly #closed = new AbortController()

  constructor(options: MembershipKeeperOptions) {
    this.#options = options
  }

  /** What was heard in earlier runs. Before any record: whoever is out must not come in by an old one. */
  load(): void {
    for (const bytes of this.#options.state.loadNotices()) this.take(bytes)
  }

  /** What the authority on this host decided while no agent ran; gossip and sync carry it on. */
  async announce(): Promise<void> {
    const { desk, node } = this.#options
    // Another authority may be deciding now; it announces what it decides.
    const notices = await desk?.notices(node.view).catch(() => [])
    for (const bytes of notices ?? []) if (this.#isNews(bytes)) this.spread(bytes)
  }

  /** Goes on announcing: another process may decide, and some things are to be heard a little later. */
  watch(): void {
    const { desk, loop } = this.#options
    if (desk === undefined) return
    this.#timer = setInterval(() => void this.announce(), ANNOUNCE_PERIOD_MS)
    this.#timer.unref()
    const tell = (quorum: QuorumStatus) => loop.dispatch({ kind: 'authority-quorum', quorum })
    if (desk.quorum !== undefined) void watchQuorum(desk.quorum, tell, this.#closed.signal)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#closed.abort()
  }

  /** Asks for the next certificate with the keys that the node has. */
  async renew(): Promise<void> {
    const { node, loop } = this.#options
    const { wireguardKey, probeKey } = node.config.certificate
    const request = this.#request({ wireguardKey, probeKey })
    const reply = await this.#ask(request)
    if (reply.ok) {
      const { certificate, certificateBytes } = reply.value
      loop.dispatch({ kind: 'renewed', certificate, envelope: certificateBytes })
    } else loop.dispatch({ kind: 'renewal-failed', reason: reply.error })
  }

  /**
   * Goes on under new keys: they are kept, then the authority names them in a certificate, then they are used. The
   * caller starts the node anew. An interrupted change is taken up with the same keys.
   */
  async rotate(): Promise<Result<Certificate>> {
    const { state, node } = this.#options
    const next = state.loadNextKeys() ?? newKeys(state.loadOrMakeKeys().listenPort)
    state.saveNextKeys(next)
    const keys = {
      wireguardKey: x25519KeyOf(x25519PublicKey(next.wireguardKey)),
      probeKey: x25519KeyOf(x25519PublicKey(next.probeKey)),
    }
    const reply = await this.#ask(this.#request(keys, signerOf(next.seed)))
    if (!reply.ok) return reply
    state.saveMembership(node.config.network, reply.value.certificateBytes)
    state.changeKeys()
    return ok(reply.value.certificate)
  }

  #request(keys: Pick<Certificate, 'wireguardKey' | 'probeKey'>, successor?: Signer): Uint8Array {
    const { node } = this.#options
    const wish = { network: node.config.network.id, ...keys, now: readClock().wall }
    return makeRenewal(wish, node.powers.signer, nodeCrypto, successor)
  }

  async #ask(request: Uint8Array): Promise<Result<Accepted>> {
    const { desk, node, underlay } = this.#options
    const own = await desk?.answer(request).catch(() => undefined)
    const answer =
      own === undefined
        ? ((await underlay()?.askAuthority(request)) ?? err('not connected'))
        : ok(own)
    if (!answer.ok) return answer
    const { authorityKey } = node.config.network
    const awaited = { authorityKey, request, now: readClock().wall }
    const reply = readJoinReply(answer.value, awaited, nodeCrypto)
    if (!reply.ok) return reply
    return reply.value.kind === 'accepted' ? ok(reply.value) : err(reply.value.sentence)
  }

  /** False for what is not the authority's word. */
  take(bytes: Uint8Array): boolean {
    const { node, loop } = this.#options
    const notice = judgeNotice(node, bytes)
    if (notice.ok) loop.dispatch({ kind: 'notice', notice: notice.value })
    return notice.ok
  }

  /** Takes it, and tells the members; false for what is not the authority's word. */
  spread(bytes: Uint8Array): boolean {
    if (!this.take(bytes)) return false
    this.#options.underlay()?.publishNotice(bytes)
    return true
  }

  keepNotices(): void {
    const { state, node } = this.#options
    const all = sortedNotices(node.notices).map(({ bytes }) => bytes)
    this.#attempt(() => state.saveNotices(all))
  }

  keepCertificate(envelope: Uint8Array): void {
    const { state, node } = this.#options
    this.#attempt(() => state.saveMembership(node.config.network, envelope))
  }

  #isNews(bytes: Uint8Array): boolean {
    const { node } = this.#options
    const notice = judgeNotice(node, bytes)
    return notice.ok && isNews(node.notices, notice.value)
  }

  /** A full disk must not take the node down: it goes on, and says so. */
  #attempt(save: () => void): void {
    try {
      save()
    } catch (error) {
      this.#options.log.error({ reason: String(error) }, 'state could not be saved')
    }
  }
}
