// SPDX-License-Identifier: Apache-2.0
/**
 * What a hub does with a relay frame that is for somebody else (native/PROTOCOL.md, Relay frame): pass it on over
 * a direct path, or drop it. Each source has a token bucket, so that one member cannot use up a hub.
 */
import { bytesOf, type RelayFrame } from './frame.ts'

export interface RelayRate {
  readonly bytesPerSecond: number
  readonly burstBytes: number
}

export const RELAY_RATE: RelayRate = { bytesPerSecond: 50_000_000, burstBytes: 4_000_000 }

export interface RelayCounters {
  frames: number
  bytes: number
  /** Over the rate. */
  dropped: number
  /** Not to be forwarded at all. */
  refused: number
}

export interface ForwardOptions {
  readonly self: string
  readonly serves: boolean
  readonly nowMs: number
  readonly hasDirectPath: (peer: string) => boolean
}

export class RelayModel {
  rate: RelayRate = RELAY_RATE
  readonly counters: RelayCounters = { frames: 0, bytes: 0, dropped: 0, refused: 0 }
  readonly #buckets = new Map<string, { tokens: number; filledMs: number }>()

  /** The frame for the next hop, whose code was made anew; undefined if it goes no further. */
  forward(
    frame: RelayFrame,
    { self, serves, nowMs, hasDirectPath }: ForwardOptions,
  ): RelayFrame | undefined {
    const { hopsLeft, destination, otherHub } = frame
    const next = hopsLeft === 2 ? otherHub : hopsLeft === 1 ? destination : undefined
    if (!serves || next === undefined || !hasDirectPath(next)) {
      this.counters.refused += 1
      return undefined
    }
    if (!this.#isWithinRate(frame.source, bytesOf(frame.payload), nowMs)) {
      this.counters.dropped += 1
      return undefined
    }
    this.counters.frames += 1
    this.counters.bytes += bytesOf(frame.payload)
    return {
      ...frame,
      hop: { sender: self, receiver: next },
      hopsLeft: hopsLeft - 1,
      // The next hub learns the way back.
      otherHub: hopsLeft === 2 ? self : otherHub,
    }
  }

  #isWithinRate(source: string, bytes: number, nowMs: number): boolean {
    const { bytesPerSecond, burstBytes } = this.rate
    const bucket = this.#buckets.get(source) ?? { tokens: burstBytes, filledMs: nowMs }
    this.#buckets.set(source, bucket)
    const gained = ((nowMs - bucket.filledMs) * bytesPerSecond) / 1000
    bucket.tokens = Math.min(burstBytes, bucket.tokens + gained)
    bucket.filledMs = nowMs
    if (bucket.tokens < bytes) return false
    bucket.tokens -= bytes
    return true
  }
}
