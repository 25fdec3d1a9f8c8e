// SPDX-License-Identifier: Apache-2.0
/**
 * JSON-RPC 2.0 over a Unix socket, one message a line. One connection; it never reconnects.
 */
import { connect, type Socket } from 'node:net'
import { LineSplitter } from './rpc-lines.ts'

/** As native/PROTOCOL.md says. */
const LINE_BYTES_MAX = 4 * 1024 * 1024
const PENDING_MAX = 2_048

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data: unknown
}

export type RpcReply =
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly error: RpcError }
  /** The connection went, or the deadline passed, before an answer came. */
  | { readonly kind: 'lost'; readonly reason: string }

export interface RpcHandlers {
  onNotification(method: string, params: unknown): void
  onClose(reason: string): void
}

interface Pending {
  readonly settle: (reply: RpcReply) => void
  readonly timer: NodeJS.Timeout
}

export class RpcConnection {
  readonly #socket: Socket
  readonly #handlers: RpcHandlers
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #closed: string | undefined

  private constructor(socket: Socket, handlers: RpcHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    const lines = new LineSplitter(LINE_BYTES_MAX)
    socket.on('data', (chunk: Buffer) => {
      const found = lines.push(chunk)
      if (found === undefined) return this.#end('a line longer than 4 MiB')
      for (const line of found) this.#receive(line)
    })
    socket.on('error', (error) => this.#end(error.message))
    socket.on('close', () => this.#end('the other side closed the connection'))
  }

  /** Rejects if nobody listens there. */
  static open(socketPath: string, handlers: RpcHandlers): Promise<RpcConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(socketPath)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RpcConnection(socket, handlers))
      })
    })
  }

  request(method: string, params: object, timeoutMs: number): Promise<RpcReply> {
    if (this.#closed !== undefined) return Promise.resolve({ kind: 'lost', reason: this.#closed })
    if (this.#pending.size >= PENDING_MAX)
      return Promise.resolve({ kind: 'lost', reason: 'too many requests are waiting' })
    const id = this.#nextId++
    return new Promise((resolve) => {
      const settle = (reply: RpcReply) => {
        clearTimeout(timer)
        this.#pending.delete(id)
        resolve(reply)
      }
      const lapse = () => settle({ kind: 'lost', reason: `no answer within ${timeoutMs} ms` })
      const timer = setTimeout(lapse, timeoutMs)
      this.#pending.set(id, { settle, timer })
      this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    })
  }

  close(): void {
    this.#end('closed by this side')
  }

  #receive(line: string): void {
    if (this.#closed !== undefined) return
    const message = parseObject(line)
    if (message === undefined) return this.#end('a line that is not a JSON object')
    if (typeof message['method'] === 'string' && message['id'] === undefined)
      return this.#handlers.onNotification(message['method'], message['params'])
    const waiting = this.#pending.get(Number(message['id']))
    const error = parseError(message['error'])
    if (waiting !== undefined)
      return waiting.settle(
        error === undefined
          ? { kind: 'result', result: message['result'] }
          : { kind: 'error', error },
      )
    // An answer to nothing that we asked: the other side could not read us, and says so with id null.
    if (error !== undefined && message['id'] === null) this.#end(error.message)
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#socket.destroy()
    for (const { settle } of this.#pending.values()) settle({ kind: 'lost', reason })
    this.#handlers.onClose(reason)
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function parseError(value: unknown): RpcError | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { code, message, data } = value as Record<string, unknown>
  return { code: Number(code), message: String(message), data }
}
