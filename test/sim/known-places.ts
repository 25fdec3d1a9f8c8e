// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'

const TOLD_PERIOD_MS = 1_000

/** From where each member last sent a genuine packet: straight, or over a TURN server of ours. */
export class KnownPlaces {
  readonly #members = new Map<string, string>()
  readonly #toldMs = new Map<string, number>()

  met(member: string, from: TransportAddress, server?: string): void {
    this.#members.set(placeOf(from, server), member)
  }

  isAt(member: string, from: TransportAddress, server?: string): boolean {
    return this.#members.get(placeOf(from, server)) === member
  }

  /** Whether it is time to tell the agent of it. */
  tells(member: string, from: TransportAddress, server: string | undefined, nowMs: number) {
    const key = `${member} ${placeOf(from, server)}`
    if (nowMs - (this.#toldMs.get(key) ?? -Infinity) < TOLD_PERIOD_MS) return false
    this.#toldMs.set(key, nowMs)
    return true
  }

  clear(): void {
    this.#members.clear()
  }
}

function placeOf(from: TransportAddress, server = ''): string {
  return `${server} ${from}`
}
