// SPDX-License-Identifier: Apache-2.0
/** The same targets and changes as test/fuzz, for as long as one likes. Exits with 1 if something did not hold. */
import { parseArgs } from 'node:util'
import { keepInput, readCorpus } from './corpus.ts'
import { FUZZ_TARGETS } from './fuzz-target.ts'
import type { FuzzTarget } from './signed-target.ts'
import { mutate } from './mutation.ts'
import { SeededRandom } from '../sim/seeded-random.ts'

/** No parser takes so long for anything that it may be given. Of a processor: other programs may be busy. */
const SLOW_MS = 250
/** Larger ones are not kept for what they come to, only for what they break. */
const KEPT_BYTES_MAX = 4_096
const KEPT_PER_TARGET_MAX = 32

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const targets = FUZZ_TARGETS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
)
if (targets.length === 0 || !Number.isSafeInteger(seed)) {
  const names = FUZZ_TARGETS.map(({ name }) => name).join(', ')
  process.stderr.write(`fuzz: give parsers among these: ${names}; and a seed that is a number\n`)
  process.exit(2)
}
process.stdout.write(`seed ${seed}\n`)
const secondsEach = Number(values.seconds) / targets.length
let broken = 0
for (const target of targets) broken += fuzz(target)
process.exitCode = broken === 0 ? 0 : 1

/** How many inputs broke something. */
function fuzz(target: FuzzTarget): number {
  const { name, seeds, run } = target
  const random = new SeededRandom(seed, name)
  const kept = readCorpus(name)
  if (kept.length === 0) for (const good of seeds) keepInput(name, good, 'good')
  const inputs = [...seeds, ...kept]
  const outcomes = new Map<string, number>()
  for (const input of inputs) outcomes.set(run(input), 0)
  const untilMs = performance.now() + secondsEach * 1_000
  let count = 0
  let bad = 0
  while (performance.now() < untilMs && bad < 5) {
    const input = mutate(random.pick(inputs), inputs, random)
    count += 1
    const before = process.cpuUsage()
    let outcome: string
    try {
      outcome = run(input)
      if (process.cpuUsage(before).user > SLOW_MS * 1_000)
        throw new Error(`took more than ${SLOW_MS} ms`)
    } catch (error) {
      bad += 1
      keepInput(name, input, `seed ${seed}: ${String(error)}`)
      process.stdout.write(`${name}: ${String(error)}, kept in test/corpus/${name}.txt\n`)
      continue
    }
    const isNew = !outcomes.has(outcome)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (!isNew || input.length > KEPT_BYTES_MAX || inputs.length >= KEPT_PER_TARGET_MAX) continue
    inputs.push(input)
    keepInput(name, input, outcome)
  }
  const told = [...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', ')
  process.stdout.write(`${name}: ${count} inputs; ${told}\n`)
  return bad
}
