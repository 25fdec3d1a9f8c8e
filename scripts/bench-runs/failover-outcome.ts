// SPDX-License-Identifier: Apache-2.0
/** What came of a whole run, kept in docs/failover.json scenario by scenario: docs/failover.md is made of that. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { median, percentile } from './figures.ts'

export interface Outcome {
  /** The program. */
  readonly what: string
  readonly title: string
  /** One for each time. */
  readonly gapsMs: readonly number[]
  /** Datagrams of all the time, also between the times that something happened. */
  readonly sent: number
  readonly lost: number
}

const figures = z.strictObject({
  what: z.string(),
  title: z.string(),
  times: z.number(),
  /** Null if it never happened, and the title says it all. */
  gapMs: z
    .strictObject({ median: z.number(), p90: z.number(), p99: z.number(), most: z.number() })
    .nullable(),
  sent: z.number(),
  lost: z.number(),
})

type Figures = z.infer<typeof figures>

const run = z.strictObject({
  day: z.string(),
  machine: z.string(),
  /** How long it took; null if it did not come to its end. */
  minutes: z.number().nullable(),
  /** Scenarios that went wrong, if only for some pairs. */
  failed: z.array(z.string()),
  outcomes: z.record(z.string(), figures),
})

type Run = z.infer<typeof run>

const root = join(import.meta.dirname, '../..')
const kept = join(root, 'docs/failover.json')

export function outcomeRow({ what, title, gapsMs, sent, lost }: Outcome): string {
  if (gapsMs.length === 0) return `${what}: ${title}`
  const spread = [50, 90, 99, 100].map((percent) => percentile(gapsMs, percent))
  return `${what}, ${title}: ${gapsMs.length} times, gap p50/p90/p99/most ${spread.join('/')} ms; ${lost} of ${sent} lost`
}

/** A run that is kept as it goes, in place of the one before. */
export class KeptRun {
  readonly #begunMs = performance.now()
  #run: Run = {
    day: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}`,
    minutes: null,
    failed: [],
    outcomes: {},
  }

  keep(name: string, outcome: Outcome): void {
    const outcomes = { ...this.#run.outcomes, [name]: figuresOf(outcome) }
    this.#write({ ...this.#run, outcomes })
  }

  end(failed: readonly string[]): void {
    const minutes = Math.ceil((performance.now() - this.#begunMs) / 60_000)
    this.#write({ ...this.#run, minutes, failed: [...failed] })
  }

  #write(next: Run): void {
    this.#run = next
    writeFileSync(kept, `${JSON.stringify(next, null, 2)}\n`)
    writeFileSync(join(root, 'docs/failover.md'), failoverDocument())
  }
}

function figuresOf({ gapsMs, ...outcome }: Outcome): Figures {
  const [p90, p99, most] = [90, 99, 100].map((percent) => percentile(gapsMs, percent))
  const gapMs =
    p90 === undefined || p99 === undefined || most === undefined || gapsMs.length === 0
      ? null
      : { median: median(gapsMs), p90, p99, most }
  return { ...outcome, times: gapsMs.length, gapMs }
}

/** docs/failover.md, of what is kept. */
export function failoverDocument(): string {
  const { day, machine, minutes, failed, outcomes } = run.parse(
    JSON.parse(readFileSync(kept, 'utf8')),
  )
  const all = Object.values(outcomes)
  const rows = all.flatMap(({ what, title, times, gapMs, sent, lost }) => {
    if (gapMs === null) return []
    const { median, p90, p99, most } = gapMs
    const cells = [what, title, times, median, p90, p99, most, `${lost} of ${sent}`]
    return [`| ${cells.join(' | ')} |`]
  })
  const notes = all.filter(({ gapMs }) => gapMs === null)
  const length = minutes === null ? ', which did not come to its end' : ` of ${minutes} minutes`
  const faults =
    failed.length === 0 ? '' : ` These went wrong, in part at least: ${failed.join(', ')}.`
  return `# What a path that dies costs

Written whole by \`scripts/bench failover\`: all rows are of one run${length}, ${day}, ${machine}.${faults}

Each lab has two public hosts and pairs of hosts behind port-restricted NATs (symmetric ones, and three hubs or TURN servers, where one of those
is to carry). Each pair speaks UDP with itself, a datagram every 10 ms there and back; the gap is the longest time without an answer around the
moment when something happens. It happens to each pair by itself, when both hosts have a backup again; a hub or a TURN server that goes
is one time for each pair that used it. Lost datagrams are those of the whole time, the way back included.

The rows of three programs side by side are of the same hosts, NATs and cuts: nebula and tinc are Debian's, set up as their manuals say, one of
the public hosts as lighthouse and relay (which nebula is told of once pairs are direct), and none may use another's tunnel.
A path stays cut until all three answer again, at most 60 s, which is what counts then. nebula and tinc are started anew for each cut.

| program | what happens | times | median, ms | p90 | p99 | most | lost |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${notes.map(({ what, title }) => `${what}: ${title}.`).join('\n')}
`
}
