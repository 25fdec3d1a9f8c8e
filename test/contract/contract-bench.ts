// SPDX-License-Identifier: Apache-2.0
/** A helper for each test of the contract, and connections to it. */
import { afterEach, beforeEach } from 'vitest'
import type { HelperEvent } from '../../agent/core/helper-contract.ts'
import type { HelperHello } from '../../agent/core/helper-hello.ts'
import {
  type HelperAnswer,
  type HelperClient,
  startHelperClient,
} from '../../agent/shell/helper/helper-client.ts'
import { RpcConnection } from '../../agent/shell/helper/rpc-connection.ts'

export interface RunningHelper {
  readonly socketPath: string
  /** Makes the helper send any event; left out where only the network can. */
  readonly provoke?: () => void
  /** Resolves when the process or server is gone by itself. */
  readonly gone: Promise<void>
  stop(): Promise<void>
}

interface Greeted {
  readonly client: HelperClient
  readonly hello: HelperHello
  readonly events: HelperEvent[]
}

export interface ContractBench {
  /** The helper of the test that runs. */
  readonly helper: () => RunningHelper
  /** A connection that has said nothing yet. */
  readonly raw: () => Promise<{ rpc: RpcConnection; closed: Promise<string> }>
  readonly greeted: () => Promise<Greeted>
  /** Closed when the test ends. */
  readonly closeLater: (one: { close(): void }) => void
}

export function contractBench(start: () => Promise<RunningHelper>): ContractBench {
  let helper: RunningHelper
  let open: { close(): void }[] = []

  beforeEach(async () => {
    helper = await start()
    open = []
  })

  afterEach(async () => {
    for (const one of open) one.close()
    await helper.stop()
  })

  return {
    helper: () => helper,
    closeLater: (one) => open.push(one),
    raw: async () => {
      const closed = Promise.withResolvers<string>()
      const rpc = await RpcConnection.open(helper.socketPath, {
        onNotification: () => undefined,
        onClose: closed.resolve,
      })
      open.push(rpc)
      return { rpc, closed: closed.promise }
    },
    greeted: async () => {
      const events: HelperEvent[] = []
      const connected = Promise.withResolvers<HelperHello>()
      const client = startHelperClient({
        socketPath: helper.socketPath,
        client: 'contract suite',
        onConnected: connected.resolve,
        onDisconnected: () => undefined,
        onEvent: (event) => events.push(event),
      })
      open.push(client)
      return { client, hello: await connected.promise, events }
    },
  }
}

/** The fields that a refusal names. */
export function refusedFields(answer: HelperAnswer<unknown>): string[] {
  if (answer.ok || answer.fault.kind !== 'refused') return []
  return answer.fault.problems.map(({ field }) => field)
}
