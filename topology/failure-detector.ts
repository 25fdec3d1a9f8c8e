// SPDX-License-Identifier: Apache-2.0
/**
 * Whom to ask next, and how one probe goes on (SWIM sections 3.1 and 4.3): every member once in each round, in an order
 * that is drawn anew for each, so that the time until a failure is noticed has a bound.
 *
 * ```
 * ping ----timeout----> ask three others to ping ----end of the period----> doubt
 *   \--- ack ---> answered            \--- ack of any of them ---> answered
 * ```
 */
import type { Instant } from '../nat/clock.ts'
import type { Entropy } from '../nat/entropy.ts'

export interface Probe {
  readonly target: string
  readonly sequence: number
  /** When others are asked. */
  readonly askAt: Instant
  /** When the target is doubted. */
  readonly endAt: Instant
  answered: boolean
  /** Who was asked, and has not yet said that it had no answer either. */
  readonly asked: Set<string>
  hasAsked: boolean
}

export interface FailureDetector {
  /** The round: members in the order in which they are asked. */
  order: string[]
  next: number
  probe: Probe | undefined
}

export function createFailureDetector(): FailureDetector {
  return { order: [], next: 0, probe: undefined }
}

/** The next one of the round that is `wanted`; undefined if nobody is. Begins a new round when one is over. */
export function nextTarget(
  detector: FailureDetector,
  members: Iterable<string>,
  wanted: (member: string) => boolean,
  entropy: Entropy,
): string | undefined {
  for (let rounds = 0; rounds < 2; rounds++) {
    while (detector.next < detector.order.length) {
      const target = detector.order[detector.next++]!
      if (wanted(target)) return target
    }
    detector.order = shuffled([...members], entropy)
    detector.next = 0
  }
  return undefined
}

/** At most `count` different members, drawn at random. */
export function drawn(
  members: readonly string[],
  count: number,
  wanted: (member: string) => boolean,
  entropy: Entropy,
): string[] {
  const chosen = new Set<string>()
  // In a group of which most are unwanted some draws are in vain; there is no need to find the last one.
  for (let tries = 0; tries < 8 * count && chosen.size < count; tries++) {
    const member = members[randomBelow(members.length, entropy)]
    if (member !== undefined && wanted(member)) chosen.add(member)
  }
  return [...chosen]
}

function shuffled(items: string[], entropy: Entropy): string[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomBelow(i + 1, entropy)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}

function randomBelow(bound: number, entropy: Entropy): number {
  const [a, b, c, d] = entropy(4)
  return (((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0) % Math.max(1, bound)
}
