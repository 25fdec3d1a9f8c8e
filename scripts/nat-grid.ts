// SPDX-License-Identifier: Apache-2.0
/** Every NAT kind with every other, with the built product: measured, compared with theory, written down. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { capabilities } from '../netns-lab/expected-grid.ts'
import { gridDifferences } from '../netns-lab/grid/grid-differences.ts'
import { gridDocument, gridSummary, gridTable } from '../netns-lab/grid/grid-document.ts'
import { gridParts, KeptParts } from '../netns-lab/grid/grid-parts.ts'
import { type GridCell, measureGrid } from '../netns-lab/grid/measure-grid.ts'
import { type NatKindName, natKindNames } from '../netns-lab/nat-kinds.ts'
import { readArguments } from './arguments.ts'

const documentFile = 'docs/nat-grid.md'

const { values: options } = readArguments({
  options: {
    with: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    resume: { type: 'boolean', default: false },
    parts: { type: 'string', default: 'Infinity' },
    json: { type: 'boolean', default: false },
    evidence: { type: 'boolean', default: false },
  },
})
const has = new Set(oneOf(options.with, capabilities, '--with'))
const only = oneOf(options.only, natKindNames, '--only')
const kinds: readonly NatKindName[] = only.length === 0 ? natKindNames : only
const rounds = Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1) fail('--rounds is not a number of 1 or more')
const most = Number(options.parts)
if (!(most >= 1)) fail('--parts is not a number of 1 or more')

const started = performance.now()
const say = (line: string) =>
  console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}`)
const cells: GridCell[] = []
const kept = new KeptParts(join('.build/nat-grid', [...has, 'plain'].join('-')))
const parts = gridParts(kinds)
let measuredParts = 0
for (let round = 0; round < rounds; round++) {
  for (const [index, part] of parts.entries()) {
    const name = `${round}-${part.rows.join('+')}-${part.columns.join('+')}.json`
    const before = options.resume ? await kept.load(name) : undefined
    say(`part ${index + 1} of ${parts.length}${before === undefined ? '' : ': measured before'}`)
    if (before === undefined && measuredParts++ >= most) {
      say(`left for another run with --resume`)
      process.exit(0)
    }
    const measured = before ?? (await measureGrid({ part, has, say, evidence: options.evidence }))
    if (before === undefined) await kept.keep(name, measured)
    cells.push(...measured)
  }
}
const differences = gridDifferences(cells, has)
say(gridSummary(cells))
console.log(options.json ? JSON.stringify({ cells, differences }, null, 2) : gridTable(cells))
for (const line of differences) console.error(`differs: ${line}`)
if (only.length === 0) {
  const flags = has.size === 0 ? [] : [`--with ${[...has].join(',')}`]
  if (rounds > 1) flags.push(`--rounds ${rounds}`)
  const command = ['scripts/nat-grid', ...flags].join(' ')
  await writeFile(documentFile, gridDocument({ command, has, rounds, cells, differences }))
  say(`written: ${documentFile}`)
}
process.exitCode = differences.length === 0 ? 0 : 1

function oneOf<T extends string>(text: string, known: readonly T[], option: string): T[] {
  const words = text.split(',').filter((word) => word !== '')
  const unknown = words.filter((word) => !known.includes(word as T))
  if (unknown.length > 0) fail(`${option} ${unknown.join(',')}: choose of ${known.join(', ')}`)
  return known.filter((word) => words.includes(word))
}

function fail(reason: string): never {
  console.error(`nat-grid: ${reason}`)
  process.exit(2)
}
