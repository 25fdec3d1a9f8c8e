// SPDX-License-Identifier: Apache-2.0
/**
 * A large group under SWIM with a virtual clock, lossy links and nothing else: how soon the death of a member is known, how
 * often the living are taken for dead, and what that costs. Milliseconds are the grain of time.
 */
import { instant } from '../../nat/clock.ts'
import type { Life } from '../../topology/incarnation.ts'
import { swimDeadline, swimReceive, swimTick } from '../../topology/swim.ts'
import { messageBytes, type SwimMessage } from '../../topology/swim-codec.ts'
import { createSwim, setMembers, type Swim, type SwimEffect } from '../../topology/swim-group.ts'
import { SeededRandom } from './seeded-random.ts'

/** IPv4 and UDP heads. */
const HEAD_BYTES = 28

export interface SwimWorldOptions {
  readonly members: number
  readonly lossRate: number
  readonly seed: number
  /** One way. */
  readonly delayMs?: { readonly min: number; readonly max: number }
}

interface Host {
  readonly address: string
  readonly swim: Swim
  isUp: boolean
  alarmAt: number
}

/** A change in what one member believes of another. */
export interface Belief {
  readonly atMs: number
  readonly by: string
  readonly member: string
  readonly life: Life
  readonly isUp: boolean
}

export class SwimWorld {
  readonly beliefs: Belief[] = []
  bytes = 0
  messages = 0
  readonly byType = new Map<string, number>()
  /** Refuses what may not pass: a split. */
  cut: (from: string, to: string) => boolean = () => false
  readonly #hosts = new Map<string, Host>()
  readonly #options: Required<SwimWorldOptions>
  readonly #random: SeededRandom
  readonly #due = new Map<number, (() => void)[]>()
  #nowMs = 0

  constructor(options: SwimWorldOptions) {
    this.#options = { delayMs: { min: 2, max: 60 }, ...options }
    this.#random = new SeededRandom(options.seed, 'swim')
    const addresses = Array.from({ length: options.members }, (_, i) => addressOf(i))
    const all = new Set(addresses)
    for (const address of addresses) {
      // Hosts do not start in step.
      const swim = createSwim(address, 1, instant(this.#random.integer(0, 999)))
      setMembers(swim, all)
      const host = { address, swim, isUp: true, alarmAt: -1 }
      this.#hosts.set(address, host)
      this.#arm(host)
    }
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get addresses(): string[] {
    return [...this.#hosts.keys()]
  }

  run(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    for (; this.#nowMs < endMs; this.#nowMs++) {
      const due = this.#due.get(this.#nowMs)
      if (due === undefined) continue
      this.#due.delete(this.#nowMs)
      for (const act of due) act()
    }
  }

  /** It answers nobody any more. */
  kill(address: string): void {
    this.#host(address).isUp = false
  }

  /** It is back, with what it knew. */
  revive(address: string): void {
    const host = this.#host(address)
    host.isUp = true
    this.#tick(host)
  }

  lifeOf(member: string, by: string): Life | undefined {
    return this.#host(by).swim.members.get(member)?.claim.life
  }

  #tick(host: Host): void {
    this.#perform(host, swimTick(host.swim, instant(this.#nowMs), this.#random.entropy))
  }

  #perform(host: Host, effects: readonly SwimEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#send(host, effect.to, effect.message)
      else {
        const { member, life } = effect
        const isUp = this.#hosts.get(member)?.isUp ?? false
        this.beliefs.push({ atMs: this.#nowMs, by: host.address, member, life, isUp })
      }
    }
    this.#arm(host)
  }

  #send(from: Host, to: string, message: SwimMessage): void {
    this.messages += 1
    this.byType.set(message.type, (this.byType.get(message.type) ?? 0) + 1)
    this.bytes += HEAD_BYTES + messageBytes(message)
    if (this.#random.chance(this.#options.lossRate) || this.cut(from.address, to)) return
    const { min, max } = this.#options.delayMs
    const receiver = this.#hosts.get(to)
    if (receiver === undefined) return
    this.#at(this.#nowMs + this.#random.integer(min, max), () => {
      if (!receiver.isUp) return
      const now = instant(this.#nowMs)
      this.#perform(receiver, swimReceive(receiver.swim, from.address, message, now))
    })
  }

  #arm(host: Host): void {
    const wanted = Math.max(this.#nowMs + 1, Math.ceil(swimDeadline(host.swim)))
    if (host.alarmAt === wanted) return
    host.alarmAt = wanted
    this.#at(wanted, () => {
      // Another alarm took its place meanwhile.
      if (host.alarmAt === wanted && host.isUp) this.#tick(host)
    })
  }

  #at(ms: number, act: () => void): void {
    const due = this.#due.get(ms)
    if (due === undefined) this.#due.set(ms, [act])
    else due.push(act)
  }

  #host(address: string): Host {
    const host = this.#hosts.get(address)
    if (host === undefined) throw new Error(`no host ${address}`)
    return host
  }
}

function addressOf(i: number): string {
  return `10.77.${(i + 1) >> 8}.${(i + 1) & 0xff}`
}
