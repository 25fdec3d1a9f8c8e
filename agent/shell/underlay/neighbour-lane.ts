// SPDX-License-Identifier: Apache-2.0
/** The sending side of the control stream to one neighbour: opens it, fills it, and opens it anew when it has broken. */
import type { Stream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import {
  ACKNOWLEDGEMENT_BYTES,
  type ControlContent,
  decodeAcknowledgement,
  encodeControlFrame,
} from '../../../topology/control-frame.ts'
import {
  breakOff,
  createControlLane,
  isStalled,
  laneDeadline,
  sayNext,
  takeAcknowledgement,
  waitingOf,
} from '../../../topology/control-lane.ts'
import {
  type ControlMessage,
  enqueue,
  hasRoom,
  type Priority,
} from '../../../topology/control-queue.ts'
import { readClock } from '../clock.ts'

/** Until a stream that broke, or could not be opened, is tried again. */
const REOPEN_MS = 500

interface Speech {
  readonly stream: Stream
  readonly messages: LengthPrefixedStream<Stream>
}

export class NeighbourLane {
  readonly #open: () => Promise<Stream> | undefined
  readonly #lane = createControlLane()
  #speech: Speech | undefined
  #isTurning = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #waitingForRoom: (() => void)[] = []

  /** `open`: undefined while there is no connection. */
  constructor(open: () => Promise<Stream> | undefined) {
    this.#open = open
  }

  send(message: ControlMessage<ControlContent>): boolean {
    const isTaken = enqueue(this.#lane.queue, message)
    void this.#turn()
    return isTaken
  }

  /** Sends it once there is room; false if the lane is closed before. */
  async sendWhenRoom(message: ControlMessage<ControlContent>): Promise<boolean> {
    while (!this.#isClosed && !hasRoom(this.#lane.queue, message.priority))
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve))
    return !this.#isClosed && this.send(message)
  }

  /** Another connection is the one to use: what may not have been heard on the last one is said again on it. */
  reopen(): void {
    const speech = this.#speech
    if (speech === undefined || this.#isClosed) return
    this.#speech = undefined
    breakOff(this.#lane)
    speech.stream.abort(new Error('another connection is in use'))
    void this.#turn()
  }

  said(priority: Priority): number {
    return this.#lane.said[priority]
  }

  waiting(priority: Priority): number {
    return waitingOf(this.#lane, priority)
  }

  get lost(): number {
    return this.#lane.queue.lost
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#speech?.stream.abort(new Error('no neighbour any more'))
    this.#speech = undefined
    this.#tellOfRoom()
  }

  /** Says what there is to say, as long as there is; one turn at a time. */
  async #turn(): Promise<void> {
    if (this.#isTurning || this.#isClosed) return
    this.#isTurning = true
    try {
      this.#speech ??= await this.#begin()
      for (;;) {
        const next = this.#speech && sayNext(this.#lane, readClock().instant)
        if (next === undefined) break
        this.#tellOfRoom()
        await this.#speech?.messages.write(encodeControlFrame(next))
      }
      this.#isTurning = false
      this.#wakeLater()
    } catch (error) {
      this.#isTurning = false
      this.#broken(this.#speech, error)
    }
  }

  async #begin(): Promise<Speech | undefined> {
    const stream = await this.#open()
    if (stream === undefined) return undefined
    if (this.#isClosed) {
      stream.abort(new Error('no neighbour any more'))
      return undefined
    }
    const messages = lpStream(stream, { maxDataLength: ACKNOWLEDGEMENT_BYTES })
    const speech = { stream, messages }
    void this.#listen(speech)
    return speech
  }

  async #listen(speech: Speech): Promise<void> {
    const { messages } = speech
    try {
      for (;;) {
        const number = decodeAcknowledgement((await messages.read()).subarray())
        if (number === undefined || !takeAcknowledgement(this.#lane, number))
          throw new Error('an acknowledgement of nothing')
        this.#tellOfRoom()
        void this.#turn()
      }
    } catch (error) {
      this.#broken(speech, error)
    }
  }

  #broken(speech: Speech | undefined, error: unknown): void {
    speech?.stream.abort(error instanceof Error ? error : new Error(String(error)))
    if (this.#speech !== speech || this.#isClosed) return
    this.#speech = undefined
    breakOff(this.#lane)
    this.#tellOfRoom()
    this.#wakeAfter(REOPEN_MS)
  }

  #wakeLater(): void {
    const deadline = laneDeadline(this.#lane)
    if (deadline !== undefined) this.#wakeAfter(Math.max(0, deadline - readClock().instant))
  }

  #wakeAfter(pauseMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      if (isStalled(this.#lane, readClock().instant))
        this.#broken(this.#speech, new Error('the neighbour acknowledges nothing'))
      else void this.#turn()
    }, pauseMs).unref()
  }

  #tellOfRoom(): void {
    const waiting = this.#waitingForRoom
    this.#waitingForRoom = []
    for (const resolve of waiting) resolve()
  }
}
