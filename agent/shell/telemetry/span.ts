// SPDX-License-Identifier: Apache-2.0
/** A piece of work that took time, as OpenTelemetry calls it. */
export interface Span {
  /** 32 hex digits, the same for all that belongs together. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: SpanName
  /** Unix milliseconds. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number>>
  /** Why it came to nothing; undefined if it did not. */
  readonly failure: string | undefined
}

/** join: from hearing of a member to traffic; punch: to a proven direct path; search: for one; failover: to another path. */
export type SpanName = 'join' | 'punch' | 'search' | 'failover'
