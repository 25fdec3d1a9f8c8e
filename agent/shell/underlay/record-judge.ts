// SPDX-License-Identifier: Apache-2.0
import type { Result } from '../../../nat/result.ts'
import { ENVELOPE_BYTES_MAX } from '../../../topology/envelope.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { isNews, type Notice, NOTICES_MAX, type NoticeSet } from '../../../topology/notice.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import { recordNode } from '../../../topology/record-codec.ts'
import { compareEntries, type View } from '../../../topology/view.ts'
import { RateLimit } from './rate-limit.ts'

/** news: valid and newer than the view. known: not newer, or no fault of whoever passed it on. */
export type Judgement = 'news' | 'known' | 'refused'

/** Reasons that depend on clocks and on what has been heard; an honest neighbour may not see them. */
const INNOCENT: ReadonlySet<string> = new Set([
  'expired',
  'not-yet-valid',
  'from-the-future',
  'revoked',
  'withdrawn',
])

/** Forged or malformed records that one neighbour may send a minute before it is shut out. */
const REFUSALS_PER_MINUTE = 20
const SHUT_OUT_MS = 60_000

/** Of one node's records over one neighbour: a node speaks once a minute, and now and then ten times in a second. */
const RECORDS_PER_SECOND = 2
/** More than may be refused: who forges one node's records is shut out before it is merely slowed down. */
const RECORDS_BURST = 30

/** A sync may bring all there are at once. */
const NOTICES_PER_SECOND = 50

export interface RecordJudgeOptions {
  verify(bytes: Uint8Array): Result<NodeRecord>
  verifyNotice(bytes: Uint8Array): Result<Notice>
  view(): View
  notices(): NoticeSet
  /** A neighbour that keeps sending what no honest one would. */
  onAbuse(from: NodeId): void
}

/** Decides about every record that a neighbour sends, whichever way it came. */
export class RecordJudge {
  readonly #options: RecordJudgeOptions
  /** At most one entry a member: only members are judged. */
  readonly #shutOutUntilMs = new Map<NodeId, number>()
  readonly #paces = new RateLimit(RECORDS_PER_SECOND, RECORDS_BURST)
  readonly #notices = new RateLimit(NOTICES_PER_SECOND, NOTICES_MAX)
  readonly #refusals = new RateLimit(REFUSALS_PER_MINUTE / 60, REFUSALS_PER_MINUTE)

  constructor(options: RecordJudgeOptions) {
    this.#options = options
  }

  judge(bytes: Uint8Array, from: NodeId): Judgement {
    // What is too much is not verified, and not passed on; the next sync brings the latest of it.
    if (this.isShutOut(from) || !this.#isAtPace(bytes, from)) return 'known'
    return this.#count(this.#judge(bytes), from)
  }

  judgeNotice(bytes: Uint8Array, from: NodeId): Judgement {
    if (this.isShutOut(from) || !this.#notices.take(from)) return 'known'
    const notice = this.#options.verifyNotice(bytes)
    if (!notice.ok) return this.#count(INNOCENT.has(notice.error) ? 'known' : 'refused', from)
    return isNews(this.#options.notices(), notice.value) ? 'news' : 'known'
  }

  /** Whether a node sent too much that no honest one would, not long ago. */
  isShutOut(node: NodeId): boolean {
    const untilMs = this.#shutOutUntilMs.get(node)
    if (untilMs === undefined) return false
    if (performance.now() < untilMs) return true
    this.#shutOutUntilMs.delete(node)
    return false
  }

  /** A record that must be its sender's own. */
  verify(bytes: Uint8Array): Result<NodeRecord> {
    if (bytes.length > ENVELOPE_BYTES_MAX.record) return { ok: false, error: 'too-large' }
    return this.#options.verify(bytes)
  }

  /** By whose record it claims to be, and who passed it on: nobody can use up another's share. */
  #isAtPace(bytes: Uint8Array, from: NodeId): boolean {
    if (bytes.length > ENVELOPE_BYTES_MAX.record) return true
    return this.#paces.take(`${from} ${recordNode(bytes) ?? ''}`)
  }

  #count(judged: Judgement, from: NodeId): Judgement {
    if (judged === 'refused' && !this.#refusals.take(from)) {
      this.#shutOutUntilMs.set(from, performance.now() + SHUT_OUT_MS)
      this.#options.onAbuse(from)
    }
    return judged
  }

  #judge(bytes: Uint8Array): Judgement {
    const record = this.verify(bytes)
    if (!record.ok) return INNOCENT.has(record.error) ? 'known' : 'refused'
    const held = this.#options.view().entries.get(record.value.certificate.node)
    if (held === undefined) return 'news'
    const order = compareEntries({ record: record.value, envelope: { bytes } }, held)
    return order > 0 ? 'news' : 'known'
  }
}
