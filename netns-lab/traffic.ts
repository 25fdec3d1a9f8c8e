// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import type { HostProcess } from './host-process.ts'
import type { LabHost } from './lab-host.ts'
import type { Tally } from './udp-traffic.ts'

const node = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))
const program = fileURLToPath(new URL('./udp-traffic.ts', import.meta.url))
const PORT = 9_999

let runs = 0

/** The other end of traffic, where it is to take its time. */
export const slowAnswerer = (delayMs: number): readonly string[] => [
  node,
  program,
  'answer',
  String(PORT),
  String(delayMs),
]

/** UDP from one host to another and back, a datagram every `paceMs`, counted and stamped. */
export class Traffic {
  readonly #ask: HostProcess
  readonly #answer: HostProcess | undefined
  readonly #paceMs: number

  private constructor(ask: HostProcess, answer: HostProcess | undefined, paceMs: number) {
    this.#ask = ask
    this.#answer = answer
    this.#paceMs = paceMs
  }

  /** `address`: of `to`, as `from` reaches it. Undefined: somebody answers there already. */
  static start(
    from: LabHost,
    to: LabHost | undefined,
    { address, paceMs = 10, port = PORT }: { address: string; paceMs?: number; port?: number },
  ): Traffic {
    const run = ++runs
    const answer = to?.spawn([node, program, 'answer', String(port)], { log: `answer-${run}.log` })
    const words = ['ask', address, String(port), String(paceMs)]
    const ask = from.spawn([node, program, ...words], { log: `ask-${run}.log` })
    return new Traffic(ask, answer, paceMs)
  }

  /** Ends it; what it has counted. */
  async stop(): Promise<TrafficReport> {
    this.#ask.kill('SIGINT')
    await this.#ask.exit
    this.#answer?.kill('SIGKILL')
    const last = (await this.#ask.output()).trim().split('\n').at(-1) ?? ''
    return new TrafficReport(JSON.parse(last) as Tally, this.#paceMs)
  }
}

export class TrafficReport {
  readonly tally: Tally
  readonly #arrivals: readonly number[]
  readonly #paceMs: number

  constructor(tally: Tally, paceMs: number) {
    this.tally = tally
    this.#paceMs = paceMs
    this.#arrivals = tally.answeredAt.filter((at) => at !== null).sort((a, b) => a - b)
  }

  get sent(): number {
    return this.tally.sent
  }

  /** Datagrams without an answer, but for those before the first one: the programs take a moment to start. */
  get lost(): number {
    const first = this.tally.answeredAt.findIndex((at) => at !== null)
    return first < 0
      ? this.sent
      : this.tally.answeredAt.slice(first).filter((at) => at === null).length
  }

  /** The longest time without an answer that lies, if only in part, between two moments of the wall clock. */
  longestGapMs(fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY): number {
    let longest = 0
    for (let i = 1; i < this.#arrivals.length; i++) {
      const [before, after] = [this.#arrivals[i - 1]!, this.#arrivals[i]!]
      if (after >= fromMs && before <= toMs) longest = Math.max(longest, after - before)
    }
    return Math.max(0, longest - this.#paceMs)
  }
}
