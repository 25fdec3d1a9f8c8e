// SPDX-License-Identifier: Apache-2.0
/**
 * The way of control messages to one neighbour: the queue, and what has been said and not acknowledged yet. Little is
 * underway at a time, and critical messages need not wait for that either: however slow the link is, a critical one
 * comes behind so many bytes and no more, whatever else there is to say.
 */
import { earliest, type Instant, later } from '../nat/clock.ts'
import type { ControlContent } from './control-frame.ts'
import {
  acknowledge,
  type ControlMessage,
  type ControlQueue,
  createControlQueue,
  dequeue,
  enqueue,
  PRIORITIES,
  type Priority,
  retryDeadline,
} from './control-queue.ts'

/** A quarter of a second at one megabit a second; more would not be faster over any path that a mesh should be run on. */
export const UNDERWAY_BYTES_MAX = 32 * 1024

/** A neighbour that has acknowledged nothing for so long does not read: the stream is given up. */
export const STALLED_MS = 10_000

interface Underway {
  readonly message: ControlMessage<ControlContent>
  readonly saidAt: Instant
}

export interface ControlLane {
  readonly queue: ControlQueue<ControlContent>
  /** By number, oldest first. */
  readonly underway: Map<number, Underway>
  underwayBytes: number
  nextNumber: number
  /** Messages said so far, those that were said again among them. */
  readonly said: Record<Priority, number>
}

export function createControlLane(): ControlLane {
  return {
    queue: createControlQueue<ControlContent>(),
    underway: new Map(),
    underwayBytes: 0,
    nextNumber: 0,
    said: { critical: 0, high: 0, normal: 0, low: 0 },
  }
}

/** What to say now, and under which number the neighbour acknowledges it; undefined if nothing is to be said yet. */
export function sayNext(
  lane: ControlLane,
  now: Instant,
): { readonly number: number; readonly content: ControlContent } | undefined {
  const isFull = lane.underwayBytes >= UNDERWAY_BYTES_MAX
  const message = dequeue(lane.queue, now, isFull ? ['critical'] : PRIORITIES)
  if (message === undefined) return undefined
  const number = lane.nextNumber
  lane.nextNumber = (lane.nextNumber + 1) % 2 ** 32
  lane.underway.set(number, { message, saidAt: now })
  lane.underwayBytes += message.content.bytes.length
  lane.said[message.priority] += 1
  return { number, content: message.content }
}

/** The neighbour has dealt with it. False for a number that was never said, or twice acknowledged. */
export function takeAcknowledgement(lane: ControlLane, number: number): boolean {
  const arrived = lane.underway.get(number)
  if (arrived === undefined) return false
  lane.underway.delete(number)
  const { message } = arrived
  lane.underwayBytes -= message.content.bytes.length
  // What is said of the key by now may be something newer.
  if (lane.queue.said.get(message.key)?.message === message) acknowledge(lane.queue, message.key)
  return true
}

/** The stream has ended: whatever the neighbour may not have heard waits again, unless something newer is said of it. */
export function breakOff(lane: ControlLane): void {
  const unheard = [...lane.underway.values()]
  lane.underway.clear()
  lane.underwayBytes = 0
  for (const { message } of unheard) {
    const isOutdated = PRIORITIES.some((one) => lane.queue.waiting[one].has(message.key))
    if (!isOutdated) enqueue(lane.queue, message)
  }
}

export function isStalled(lane: ControlLane, now: Instant): boolean {
  const at = stalledAt(lane)
  return at !== undefined && at <= now
}

/** When something is to be said again, or the stream given up. */
export function laneDeadline(lane: ControlLane): Instant | undefined {
  return earliest([retryDeadline(lane.queue), stalledAt(lane)])
}

/** Of this priority: waiting to be said. */
export function waitingOf(lane: ControlLane, priority: Priority): number {
  return lane.queue.waiting[priority].size
}

function stalledAt(lane: ControlLane): Instant | undefined {
  for (const { saidAt } of lane.underway.values()) return later(saidAt, STALLED_MS)
  return undefined
}
