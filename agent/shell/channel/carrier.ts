// SPDX-License-Identifier: Apache-2.0
/**
 * The channel process's side of native/PROTOCOL.md, Data channels: takes packets from the helper to the channels and back,
 * and tells the helper which channels stand. While the helper is away packets are lost, as on any link.
 */
import { createConnection, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { CarrierFrames, carrierFrame } from './carrier-frame.ts'

/** What may wait for a helper that does not read. */
const WAITING_BYTES_MAX = 1_048_576
const RETRY_MS = 250

export interface CarrierOptions {
  readonly socketPath: string
  readonly client: string
  /** A packet for a peer. The bytes are valid until it returns. */
  onPacket(peer: string, packet: Buffer): void
  /** No path of the peer's leads over its channel any more. */
  onDismissed(peer: string): void
  /** The helper is gone; it is looked for until it is back. */
  onLost(): void
}

export class Carrier {
  readonly #options: CarrierOptions
  readonly #open = new Set<string>()
  readonly #stopped = new AbortController()
  #socket: Socket | undefined

  constructor(options: CarrierOptions) {
    this.#options = options
    void this.#run()
  }

  get isConnected(): boolean {
    return this.#socket !== undefined
  }

  opened(peer: string): void {
    this.#open.add(peer)
    this.#socket?.write(carrierFrame('open', peer))
  }

  closed(peer: string): void {
    if (this.#open.delete(peer)) this.#socket?.write(carrierFrame('closed', peer))
  }

  /** A packet that came from a peer. */
  deliver(peer: string, packet: Uint8Array): void {
    if (this.#socket === undefined || this.#socket.writableLength > WAITING_BYTES_MAX) return
    this.#socket.write(carrierFrame('packet', peer, packet))
  }

  close(): void {
    this.#stopped.abort()
    this.#socket?.destroy()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await this.#session()
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One connection, from its opening to its end. */
  #session(): Promise<void> {
    const { socketPath, client } = this.#options
    const socket = createConnection(socketPath)
    const frames = new CarrierFrames()
    const params = { protocol: 1, client }
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'carry', params })}\n`)
    let answer: Buffer | undefined = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      let rest = chunk
      if (answer !== undefined) {
        answer = Buffer.concat([answer, chunk])
        const end = answer.indexOf('\n')
        if (end === -1) return
        if (!answer.subarray(0, end).includes('"result"')) return void socket.destroy()
        rest = answer.subarray(end + 1)
        answer = undefined
        this.#socket = socket
        for (const peer of this.#open) socket.write(carrierFrame('open', peer))
      }
      if (!this.#take(frames, rest)) socket.destroy()
    })
    return new Promise((resolve) => {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        if (this.#socket === socket) this.#options.onLost()
        this.#socket = undefined
        resolve()
      })
    })
  }

  #take(frames: CarrierFrames, chunk: Buffer): boolean {
    const taken = frames.take(chunk)
    for (const { word, peer, payload } of taken ?? []) {
      if (word === 'packet') this.#options.onPacket(peer, payload)
      if (word === 'closed') this.#options.onDismissed(peer)
    }
    return taken !== undefined
  }
}
