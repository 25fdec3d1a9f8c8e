// SPDX-License-Identifier: Apache-2.0
/** Runs the benchmarks that were asked for, one after the other, and prints what they found. */
import { readArguments } from './arguments.ts'
import { benchChanges } from './bench-runs/changes.ts'
import { benchDashboard } from './bench-runs/dashboard.ts'
import { benchDirect } from './bench-runs/direct.ts'
import { benchFailover, FAILOVER_SCENARIOS } from './bench-runs/failover.ts'
import { benchFirstPing } from './bench-runs/first-ping.ts'
import { benchMemory } from './bench-runs/memory.ts'
import { benchRelayed } from './bench-runs/relayed.ts'
import { benchThroughput } from './bench-runs/throughput.ts'

const BENCHES = {
  throughput: benchThroughput,
  relayed: benchRelayed,
  direct: benchDirect,
  memory: benchMemory,
  failover: () => benchFailover(rounds, scenarios),
  changes: benchChanges,
  'first-ping': benchFirstPing,
  dashboard: benchDashboard,
}

const ROUNDS = 5
const { values, positionals } = readArguments({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    rounds: { type: 'string' },
    scenario: { type: 'string', multiple: true, default: [] },
  },
})
const unknown = positionals.find((name) => !Object.hasOwn(BENCHES, name))
const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
const { scenario: scenarios } = values
if (scenarios.some((name) => !FAILOVER_SCENARIOS.includes(name))) {
  console.error(`bench: --scenario is one of ${FAILOVER_SCENARIOS.join(', ')}`)
  process.exit(2)
}
if (unknown !== undefined || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
  const problem =
    unknown === undefined ? '--rounds takes a whole number' : `no benchmark "${unknown}"`
  console.error(`bench: ${problem}; scripts/bench --help tells what there is`)
  process.exit(2)
}

const results: Record<string, unknown> = {}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const { rows, facts } = await bench(rounds ?? ROUNDS)
  results[name] = facts
  if (values.json !== true) {
    console.log(`\n${name}`)
    for (const row of rows) console.log(`  ${row}`)
  }
}
if (values.json === true) console.log(JSON.stringify(results, null, 2))
