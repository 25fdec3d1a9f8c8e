// SPDX-License-Identifier: Apache-2.0
import type { Result } from '../../../nat/result.ts'
import { ENVELOPE_BYTES_MAX } from '../../../topology/envelope.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { NodeRecord } from '../../../topology/record.ts'
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
])

/** Forged or malformed records that one neighbour may send a minute before it is shut out. */
const REFUSALS_PER_MINUTE = 20
const SHUT_OUT_MS = 60_000

export interface RecordJudgeOptions {
  verify(bytes: Uint8Array): Result<NodeRecord>
  view(): View
  /** A neighbour that keeps sending what no honest one would. */
  onAbuse(from: NodeId): void
}

/** Decides about every record that a neighbour sends, whichever way it came. */
export class RecordJudge {
  readonly #options: RecordJudgeOptions
  /** At most one entry a member: only members are judged. */
  readonly #shutOutUntilMs = new Map<NodeId, number>()
  readonly #refusals = new RateLimit(REFUSALS_PER_MINUTE / 60, REFUSALS_PER_MINUTE)

  constructor(options: RecordJudgeOptions) {
    this.#options = options
  }

  judge(bytes: Uint8Array, from: NodeId): Judgement {
    const judged = this.#judge(bytes)
    if (judged === 'refused' && !this.#refusals.take(from)) {
      this.#shutOutUntilMs.set(from, performance.now() + SHUT_OUT_MS)
      this.#options.onAbuse(from)
    }
    return judged
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

  #judge(bytes: Uint8Array): Judgement {
    const record = this.verify(bytes)
    if (!record.ok) return INNOCENT.has(record.error) ? 'known' : 'refused'
    const held = this.#options.view().entries.get(record.value.certificate.node)
    if (held === undefined) return 'news'
    const order = compareEntries({ record: record.value, envelope: { bytes } }, held)
    return order > 0 ? 'news' : 'known'
  }
}
