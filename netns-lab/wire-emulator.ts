// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Impairment, type LinkChange, udpPolicies } from './description.ts'
import type { LinkPlan } from './lab-plan.ts'
import { swallowedAbove } from './link-settings.ts'
import type { NodeNamespace } from './node-namespace.ts'

/** Counters of one direction of a link, in frames. */
export interface WireStatistics {
  readonly received: number
  readonly sent: number
  readonly lost: number
  readonly overflowed: number
  readonly queued: number
}

/** The lab-wire process, which carries every emulated link. Its commands are described in wire/control.go. */
export class WireEmulator {
  readonly #child: ChildProcess
  #closing = false
  readonly #waiting: ((answer: string) => void)[] = []
  readonly #numbers = new Map<string, number>()

  /** @param onDeath called if the emulator ends by itself: the lab's links are gone then. */
  constructor(program: string, seed: number, onDeath: (reason: string) => void) {
    const child = spawn(program, [String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    child.on('error', (error) => onDeath(error.message))
    child.on('exit', (code, signal) => {
      if (!this.#closing) onDeath(`it ended with ${signal ?? code}`)
    })
    createInterface(child.stdout).on('line', (answer) => this.#waiting.shift()?.(answer))
  }

  /** Makes the devices of a link at both its ends. */
  async add(link: LinkPlan, node: NodeNamespace, upstream: NodeNamespace): Promise<void> {
    const places = `${node.pid}:${link.device} ${upstream.pid}:${link.port}`
    this.#numbers.set(link.name, Number(await this.#ask(`add ${places}`)))
    await this.change(link.name, link.settings, swallowedAbove(link.settings))
  }

  /** @param swallowed bytes of IP packet above which the link swallows; undefined leaves it as it is, 0 lifts it. */
  async change(link: string, change: LinkChange, swallowed: number | undefined): Promise<void> {
    // The MTU is the devices' business.
    const { out, in: inward, unplugged, mtu: _, mtuBlackhole: __, ...both } = change
    const number = this.#numbers.get(link)
    if (unplugged !== undefined) await this.#ask(`carrier ${number} ${unplugged ? 0 : 1}`)
    if (swallowed !== undefined) await this.#ask(`set ${number} both maxPacketBytes=${swallowed}`)
    const parts = [
      ['both', both],
      ['ab', out ?? {}],
      ['ba', inward ?? {}],
    ] as const
    for (const [direction, settings] of parts) {
      const words = settingWords(settings)
      if (words.length > 0) await this.#ask(`set ${number} ${direction} ${words.join(' ')}`)
    }
  }

  /** Counters by link; `out` is away from the link's node. */
  async statistics(): Promise<Record<string, { out: WireStatistics; in: WireStatistics }>> {
    const rows = (await this.#ask('stat')).split('; ').map(parseStatistics)
    return Object.fromEntries(
      [...this.#numbers].map(([link, number]) => [
        link,
        {
          out: rows[2 * number] ?? parseStatistics(''),
          in: rows[2 * number + 1] ?? parseStatistics(''),
        },
      ]),
    )
  }

  /** Removes every device. Killing the emulator does so too, but one by one, which takes seconds in a large lab. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await ended
  }

  async #ask(line: string): Promise<string> {
    const answer = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve)
      this.#child.stdin?.write(`${line}\n`)
    })
    if (!answer.startsWith('ok')) throw new Error(`link emulator: ${answer}`)
    return answer.slice(3)
  }
}

function settingWords(settings: Impairment): string[] {
  return Object.entries(settings).map(
    ([key, value]) =>
      `${key}=${key === 'udp' ? udpPolicies.indexOf(value as never) : Number(value)}`,
  )
}

function parseStatistics(row: string): WireStatistics {
  const count = (key: string) => Number(new RegExp(`${key}=(\\d+)`).exec(row)?.[1] ?? 0)
  return {
    received: count('received'),
    sent: count('sent'),
    lost: count('lost'),
    overflowed: count('overflowed'),
    queued: count('queued'),
  }
}
