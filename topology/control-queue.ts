// SPDX-License-Identifier: Apache-2.0
/**
 * What waits to be said to one neighbour, in four priorities: a lower one is said only while no higher one waits, so that a
 * flood of it delays nothing above. Each priority has a bound of its own: when it is full, the oldest of what may be lost makes
 * room, and what must arrive is refused to whoever wants to say it. What must arrive is said again until it is acknowledged.
 */
import { earliest, type Instant, later } from '../nat/clock.ts'

/** critical: who is out. high: what changes who reaches whom. normal: records. low: repairs and statistics. */
export type Priority = 'critical' | 'high' | 'normal' | 'low'

export const PRIORITIES: readonly Priority[] = ['critical', 'high', 'normal', 'low']

export interface ControlMessage<T> {
  /** One key waits once: what is said of it later takes the place of what was to be said before. */
  readonly key: string
  readonly priority: Priority
  readonly content: T
  /** Whether it is said again until the other side has acknowledged it. */
  readonly mustArrive: boolean
}

interface Said<T> {
  readonly message: ControlMessage<T>
  readonly againAt: Instant
  readonly tries: number
}

export interface ControlQueue<T> {
  /** In each the oldest first. */
  readonly waiting: Readonly<Record<Priority, Map<string, ControlMessage<T>>>>
  /** Neither acknowledged nor given up, by key. */
  readonly said: Map<string, Said<T>>
  readonly max: number
  /** What made room, was not taken, or was given up. */
  lost: number
}

/** Of each priority. */
export const WAITING_MAX = 256

const RETRY_MS = 500
const RETRY_MS_MAX = 8_000

/** Half a minute in all: a neighbour that has not acknowledged by then is none, and the next sync repairs the rest. */
export const TRIES_MAX = 7

export function createControlQueue<T>(max: number = WAITING_MAX): ControlQueue<T> {
  const waiting = { critical: new Map(), high: new Map(), normal: new Map(), low: new Map() }
  return { waiting, said: new Map(), max, lost: 0 }
}

/** False if there is no room: the message must arrive, and so must all that wait in its priority. */
export function enqueue<T>(queue: ControlQueue<T>, message: ControlMessage<T>): boolean {
  for (const priority of PRIORITIES) queue.waiting[priority].delete(message.key)
  // What was said of it before is out of date.
  queue.said.delete(message.key)
  if (held(queue, message.priority) >= queue.max && !makeRoom(queue, message)) {
    queue.lost += 1
    return false
  }
  queue.waiting[message.priority].set(message.key, message)
  return true
}

/** Whether something of this priority may still be put in without anything being lost for it. */
export function hasRoom<T>(queue: ControlQueue<T>, priority: Priority): boolean {
  return held(queue, priority) < queue.max
}

/** What to say next of these priorities, the highest first; undefined if nothing of them waits. */
export function dequeue<T>(
  queue: ControlQueue<T>,
  now: Instant,
  priorities: readonly Priority[] = PRIORITIES,
): ControlMessage<T> | undefined {
  for (const priority of priorities) {
    const again = late(queue, priority, now)
    if (again !== undefined) return again
    const next = queue.waiting[priority].values().next()
    if (next.done === true) continue
    const message = next.value
    queue.waiting[priority].delete(message.key)
    if (message.mustArrive) remember(queue, message, 1, now)
    return message
  }
  return undefined
}

/** The other side has it. */
export function acknowledge<T>(queue: ControlQueue<T>, key: string): void {
  queue.said.delete(key)
}

/** When something is to be said again; undefined if everything has arrived. */
export function retryDeadline<T>(queue: ControlQueue<T>): Instant | undefined {
  return earliest([...queue.said.values()].map(({ againAt }) => againAt))
}

/** The oldest of this priority that was not acknowledged in time; given up after so many tries. */
function late<T>(
  queue: ControlQueue<T>,
  priority: Priority,
  now: Instant,
): ControlMessage<T> | undefined {
  for (const { message, againAt, tries } of queue.said.values()) {
    if (message.priority !== priority || againAt > now) continue
    queue.said.delete(message.key)
    if (tries < TRIES_MAX) {
      remember(queue, message, tries + 1, now)
      return message
    }
    queue.lost += 1
  }
  return undefined
}

function remember<T>(
  queue: ControlQueue<T>,
  message: ControlMessage<T>,
  tries: number,
  now: Instant,
): void {
  const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (tries - 1))
  queue.said.set(message.key, { message, againAt: later(now, pauseMs), tries })
}

function held<T>(queue: ControlQueue<T>, priority: Priority): number {
  let count = queue.waiting[priority].size
  for (const { message } of queue.said.values()) if (message.priority === priority) count += 1
  return count
}

function makeRoom<T>(queue: ControlQueue<T>, { priority }: ControlMessage<T>): boolean {
  for (const { key, mustArrive } of queue.waiting[priority].values()) {
    if (mustArrive) continue
    queue.waiting[priority].delete(key)
    queue.lost += 1
    return true
  }
  return false
}
