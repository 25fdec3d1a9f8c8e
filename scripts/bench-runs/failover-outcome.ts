// SPDX-License-Identifier: Apache-2.0
/** What came of one scenario, kept until docs/failover.md is made of all. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

const root = join(import.meta.dirname, '../..')
const kept = join(root, '.build/bench/failover')

export function outcomeRow({ what, title, gapsMs, sent, lost }: Outcome): string {
  if (gapsMs.length === 0) return `${what}: ${title}`
  const spread = [50, 90, 99, 100].map((percent) => percentile(gapsMs, percent))
  return `${what}, ${title}: ${gapsMs.length} times, gap p50/p90/p99/most ${spread.join('/')} ms; ${lost} of ${sent} lost`
}

/** Keeps it, and writes the document anew. */
export function keepOutcome(name: string, outcome: Outcome): void {
  mkdirSync(kept, { recursive: true })
  writeFileSync(join(kept, `${name}.json`), JSON.stringify(outcome))
  const outcomes = readdirSync(kept)
    .sort()
    .map((file) => JSON.parse(readFileSync(join(kept, file), 'utf8')) as Outcome)
  writeFileSync(join(root, 'docs/failover.md'), documentOf(outcomes))
}

function documentOf(outcomes: readonly Outcome[]): string {
  const measured = outcomes.filter(({ gapsMs }) => gapsMs.length > 0)
  const rows = measured.map(({ what, title, gapsMs, sent, lost }) => {
    const figures = [median(gapsMs), ...[90, 99, 100].map((p) => percentile(gapsMs, p))]
    return `| ${what} | ${title} | ${gapsMs.length} | ${figures.join(' | ')} | ${lost} of ${sent} |`
  })
  const notes = outcomes.filter(({ gapsMs }) => gapsMs.length === 0)
  return `# What a path that dies costs

Written by \`scripts/bench failover\` (one scenario a call: \`--scenario both-ways\`), in a lab of two public hosts and five pairs of hosts behind
port-restricted NATs. Each pair speaks UDP with itself, a datagram every 10 ms there and back; the gap is the longest time without an answer around the
moment when something happens. Lost datagrams are those of the whole run. nebula and tinc are Debian's, one of the public hosts as lighthouse and
relay (which nebula is told of once pairs are direct), on the same hosts and NATs; their paths stay cut for 60 s, and what was not mended by then counts as 60 s.

| program | what happens | times | median, ms | p90 | p99 | most | lost |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${notes.map(({ what, title }) => `${what}: ${title}.`).join('\n')}
`
}
