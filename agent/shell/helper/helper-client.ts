// SPDX-License-Identifier: Apache-2.0
/**
 * The agent's side of native/PROTOCOL.md: keeps one connection to the helper, says hello, and
 * turns its answers and events into checked values. Nothing that the helper sends throws here.
 */
import type { z } from 'zod'
import type { TransportAddress } from '../../../nat/address.ts'
import type {
  ApplyResult,
  DesiredState,
  EchoResult,
  HelperEvent,
  HelperSearch,
  HelperState,
} from '../../core/helper-contract.ts'
import type { HelperHello } from '../../core/helper-hello.ts'
import type { HelperFault } from '../../core/helper-fault.ts'
import { delay } from '../clock.ts'
import { jitter } from '../entropy.ts'
import { faultOf } from './helper-fault.ts'
import {
  applySchema,
  echoSchema,
  emptySchema,
  helloSchema,
  measureSchema,
  parseHelperEvent,
  stateSchema,
} from './helper-schema.ts'
import { RpcConnection } from './rpc-connection.ts'

export const HELPER_PROTOCOL = 1

const REQUEST_TIMEOUT_MS = 10_000
/** A first apply creates a device and hundreds of peers on a slow host. */
const APPLY_TIMEOUT_MS = 30_000
const ECHO_TIMEOUT_MS = 2_000
const ECHO_MARGIN_MS = 1_000
const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 2_000

export type HelperAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: HelperFault }

export interface HelperClientOptions {
  readonly socketPath: string
  /** Name and version of this program, for the helper's log. */
  readonly client: string
  /** After each hello; `instance` tells a reconnection from a restart of the helper. */
  onConnected(hello: HelperHello): void
  /** Once per lost connection, and after each attempt that fails: with what stands in the way. */
  onDisconnected(fault: HelperFault): void
  onEvent(event: HelperEvent): void
}

export interface DatagramRequest {
  readonly to: TransportAddress
  readonly payload: Uint8Array
  /** Our address that it leaves from; left out, as the kernel chooses. */
  readonly source?: string
}

export interface ProbeRequest {
  /** The peer's WireGuard public key, base64. */
  readonly peer: string
  readonly endpoint: TransportAddress
  /** As in DatagramRequest. */
  readonly source?: string
  /** 32 hex digits. */
  readonly transaction: string
}

export interface EchoRequest {
  readonly peer: string
  readonly sizeBytes?: number
  readonly timeoutMs?: number
}

export interface MeasureRequest {
  readonly peer: string
  /** Id of one of its paths. */
  readonly path: string
  readonly sizeBytes: number
  readonly timeoutMs: number
}

export interface HelperClient {
  apply(desired: DesiredState): Promise<HelperAnswer<ApplyResult>>
  state(): Promise<HelperAnswer<HelperState>>
  probe(request: ProbeRequest): Promise<HelperAnswer<object>>
  search(request: HelperSearch): Promise<HelperAnswer<object>>
  stopSearch(peer: string): Promise<HelperAnswer<object>>
  sendDatagram(request: DatagramRequest): Promise<HelperAnswer<object>>
  echo(request: EchoRequest): Promise<HelperAnswer<EchoResult>>
  measure(request: MeasureRequest): Promise<HelperAnswer<{ readonly rttUs: number }>>
  /** The helper takes everything down and exits. */
  shutdown(): Promise<HelperAnswer<object>>
  readonly connected: boolean
  close(): void
}

/** Connects at once and again whenever the connection goes, until it is closed. */
export function startHelperClient(options: HelperClientOptions): HelperClient {
  const client = new ReconnectingClient(options)
  void client.run()
  return client
}

class ReconnectingClient implements HelperClient {
  readonly #options: HelperClientOptions
  readonly #stopped = new AbortController()
  #connection: RpcConnection | undefined

  constructor(options: HelperClientOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#connection !== undefined
  }

  apply(desired: DesiredState): Promise<HelperAnswer<ApplyResult>> {
    return this.#request('apply', { desired }, applySchema, APPLY_TIMEOUT_MS)
  }

  state(): Promise<HelperAnswer<HelperState>> {
    return this.#request('state', {}, stateSchema)
  }

  probe(request: ProbeRequest): Promise<HelperAnswer<object>> {
    return this.#request('probe', request, emptySchema)
  }

  search(request: HelperSearch): Promise<HelperAnswer<object>> {
    return this.#request('search', request, emptySchema)
  }

  stopSearch(peer: string): Promise<HelperAnswer<object>> {
    return this.#request('stop-search', { peer }, emptySchema)
  }

  sendDatagram({ to, payload, source }: DatagramRequest): Promise<HelperAnswer<object>> {
    const text = Buffer.from(payload).toString('base64')
    const params = { to, payload: text, ...(source !== undefined && { source }) }
    return this.#request('send-datagram', params, emptySchema)
  }

  echo(request: EchoRequest): Promise<HelperAnswer<EchoResult>> {
    const timeoutMs = (request.timeoutMs ?? ECHO_TIMEOUT_MS) + ECHO_MARGIN_MS
    return this.#request('echo', request, echoSchema, timeoutMs)
  }

  measure(request: MeasureRequest): Promise<HelperAnswer<{ readonly rttUs: number }>> {
    return this.#request('measure', request, measureSchema, request.timeoutMs + ECHO_MARGIN_MS)
  }

  shutdown(): Promise<HelperAnswer<object>> {
    return this.#request('shutdown', {}, emptySchema)
  }

  close(): void {
    this.#stopped.abort()
    this.#connection?.close()
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped
    for (let attempt = 0; !signal.aborted; attempt++) {
      const outcome = await this.#session()
      if (signal.aborted) return
      this.#options.onDisconnected(outcome.fault)
      if (outcome.wasConnected) attempt = 0
      const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10))
      await delay(backoffMs * (0.5 + jitter()), signal)
    }
  }

  /** One connection from its opening to its end. */
  async #session(): Promise<{ wasConnected: boolean; fault: HelperFault }> {
    const ended = Promise.withResolvers<string>()
    let greeted = false
    const early: HelperEvent[] = []
    let connection: RpcConnection
    try {
      connection = await RpcConnection.open(this.#options.socketPath, {
        onNotification: (method, params) => {
          const event = parseHelperEvent(method, params)
          if (event === undefined) return
          // Events may overtake our reading of the hello's answer; they are told after it.
          if (greeted) this.#options.onEvent(event)
          else if (early.length < 1_024) early.push(event)
        },
        onClose: ended.resolve,
      })
    } catch (error) {
      return { wasConnected: false, fault: disconnected(messageOf(error)) }
    }
    const greeting = { protocol: HELPER_PROTOCOL, client: this.#options.client }
    const hello = await ask(connection, 'hello', greeting, helloSchema, REQUEST_TIMEOUT_MS)
    if (!hello.ok || this.#stopped.signal.aborted) {
      connection.close()
      const fault = hello.ok ? disconnected('closed by this side') : hello.fault
      return { wasConnected: false, fault }
    }
    this.#connection = connection
    greeted = true
    this.#options.onConnected(hello.value)
    for (const event of early) this.#options.onEvent(event)
    const reason = await ended.promise
    this.#connection = undefined
    return { wasConnected: true, fault: disconnected(reason) }
  }

  #request<T>(
    method: string,
    params: object,
    schema: z.ZodType<T>,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<HelperAnswer<T>> {
    const connection = this.#connection
    if (connection === undefined)
      return Promise.resolve({ ok: false, fault: disconnected('not connected to the helper') })
    return ask(connection, method, params, schema, timeoutMs)
  }
}

async function ask<T>(
  connection: RpcConnection,
  method: string,
  params: object,
  schema: z.ZodType<T>,
  timeoutMs: number,
): Promise<HelperAnswer<T>> {
  const reply = await connection.request(method, params, timeoutMs)
  if (reply.kind === 'lost') return { ok: false, fault: disconnected(reply.reason) }
  if (reply.kind === 'error') return { ok: false, fault: faultOf(reply.error) }
  const parsed = schema.safeParse(reply.result)
  if (parsed.success) return { ok: true, value: parsed.data }
  const issue = parsed.error.issues[0]
  const message = `the helper's answer to ${method} is malformed: ${issue?.path.join('.')} ${issue?.message}`
  return { ok: false, fault: { kind: 'protocol', message, code: 0 } }
}

function disconnected(message: string): HelperFault {
  return { kind: 'disconnected', message }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
