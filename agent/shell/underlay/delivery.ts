// SPDX-License-Identifier: Apache-2.0
import type { Connection } from '@libp2p/interface'
import { delay } from '../clock.ts'

const LOOK_MS = 50

export interface DeliveryOptions {
  /** To members, those that come meanwhile among them. */
  connections(): readonly Connection[]
  /** Resolves once the other end has dealt with it. */
  say(connection: Connection): Promise<void>
}

/** Says one thing to every neighbour that is there or comes in time; true as soon as one has acknowledged it. */
export async function deliver(options: DeliveryOptions, deadlineMs: number): Promise<boolean> {
  const untilMs = performance.now() + deadlineMs
  const told = new Set<Connection>()
  const heard = new AbortController()
  while (!heard.signal.aborted && performance.now() < untilMs) {
    for (const connection of options.connections()) {
      if (told.has(connection)) continue
      told.add(connection)
      // A link that has died in silence is as good as none: others may come.
      void options.say(connection).then(
        () => heard.abort(),
        () => undefined,
      )
    }
    await delay(LOOK_MS, heard.signal)
  }
  return heard.signal.aborted
}
