// SPDX-License-Identifier: Apache-2.0
/** What came of one scenario, kept in docs/failover.json until another run of it: docs/failover.md is made of all. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { median, percentile } from './figures.ts'

export interface Outcome {
  /** The program. */
  readonly what: string
  readonly title: string
  /** One for each cut. */
  readonly gapsMs: readonly number[]
  /** Datagrams of all the time, also between the cuts. */
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

const root = join(import.meta.dirname, '../..')
const kept = join(root, 'docs/failover.json')

export function outcomeRow({ what, title, gapsMs, sent, lost }: Outcome): string {
  if (gapsMs.length === 0) return `${what}: ${title}`
  const spread = [50, 90, 99, 100].map((percent) => percentile(gapsMs, percent))
  return `${what}, ${title}: ${gapsMs.length} times, gap p50/p90/p99/most ${spread.join('/')} ms; ${lost} of ${sent} lost`
}

/** Keeps it in place of what the scenario gave before, and writes the document anew. */
export function keepOutcome(name: string, outcome: Outcome): void {
  const all = { ...readKept(), [name]: figuresOf(outcome) }
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(kept, `${JSON.stringify(sorted, null, 2)}\n`)
  writeFileSync(join(root, 'docs/failover.md'), failoverDocument())
}

function figuresOf({ gapsMs, ...outcome }: Outcome): Figures {
  const [p90, p99, most] = [90, 99, 100].map((percent) => percentile(gapsMs, percent))
  const gapMs =
    p90 === undefined || p99 === undefined || most === undefined || gapsMs.length === 0
      ? null
      : { median: median(gapsMs), p90, p99, most }
  return { ...outcome, times: gapsMs.length, gapMs }
}

function readKept(): Readonly<Record<string, Figures>> {
  return z.record(z.string(), figures).parse(JSON.parse(readFileSync(kept, 'utf8')))
}

/** docs/failover.md, of what is kept. */
export function failoverDocument(): string {
  const outcomes = Object.values(readKept()).toSorted((a, b) => (a.what < b.what ? -1 : 1))
  const rows = outcomes.flatMap(({ what, title, times, gapMs, sent, lost }) => {
    if (gapMs === null) return []
    const { median, p90, p99, most } = gapMs
    const cells = [what, title, times, median, p90, p99, most, `${lost} of ${sent}`]
    return [`| ${cells.join(' | ')} |`]
  })
  const notes = outcomes.filter(({ gapMs }) => gapMs === null)
  return `# What a path that dies costs

Written by \`scripts/bench failover\` (one scenario a call: \`--scenario both-ways\`), in a lab of two public hosts and five pairs of hosts behind
port-restricted NATs. Each pair speaks UDP with itself, a datagram every 10 ms there and back; the gap is the longest time without an answer around the
moment when something happens. Lost datagrams are those of the whole run. nebula and tinc are Debian's, one of the public hosts as lighthouse and
relay (which nebula is told of once pairs are direct), on the same hosts and NATs; their paths stay cut for 60 s, and what was not mended by then counts as 60 s.
Each row is of its own run: what is compared should be of one machine and day.

| program | what happens | times | median, ms | p90 | p99 | most | lost |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${notes.map(({ what, title }) => `${what}: ${title}.`).join('\n')}
`
}
