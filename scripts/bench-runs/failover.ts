// SPDX-License-Identifier: Apache-2.0
/** What a path that dies costs, scenario by scenario in one run, and beside other programs. */
import { besideOutcomes } from './failover-beside.ts'
import { KeptRun, type Outcome, outcomeRow } from './failover-outcome.ts'
import { type Mesh, runMeshgate, startPairs } from './failover-pairs.ts'
import { probeCost } from './failover-probes.ts'
import { suffer } from './failover-rounds.ts'
import { SCENES } from './failover-scenarios.ts'
import type { BenchResult } from './figures.ts'

const COST = 'probe-cost'
const BESIDE = 'beside'

/** All that `--scenario` takes. */
export const FAILOVER_SCENARIOS = [
  ...SCENES.flatMap(({ scenarios }) => Object.keys(scenarios)),
  COST,
  BESIDE,
]

type Note = (name: string, outcome: Outcome) => void

/** Rounds for each pair, of some scenarios or all. A run of all is kept in docs/, and goes on when one of them fails. */
export async function benchFailover(
  rounds: number | undefined,
  only: readonly string[],
): Promise<BenchResult> {
  const facts: Record<string, Outcome> = {}
  const failed: string[] = []
  const kept = only.length === 0 ? new KeptRun() : undefined
  const note: Note = (name, outcome) => {
    facts[name] = outcome
    console.error(outcomeRow(outcome))
    kept?.keep(name, outcome)
  }
  const attempt = async (name: string, run: () => Promise<void>) => {
    if (only.length > 0 && !only.includes(name)) return
    try {
      await run()
    } catch (error) {
      console.error(`${name} failed:`, error)
      failed.push(name)
    }
  }

  for (const [i, scene] of SCENES.entries()) {
    const place = new Place(`bench-failover-${i}`, scene)
    for (const [name, scenario] of Object.entries(scene.scenarios))
      await attempt(name, () =>
        place.use(async (mesh) => {
          const { outcome, troubles } = await suffer(mesh, scenario, rounds)
          if (outcome.gapsMs.length > 0) note(name, outcome)
          if (troubles.length > 0)
            throw new AggregateError(troubles, 'not all pairs came to the end')
        }),
      )
    // By then the probes of its first minutes are long over.
    if (i === 0)
      await attempt(COST, () => place.use(async (mesh) => note(COST, await probeCost(mesh))))
    await place.leave()
    if (i === 0) await attempt(BESIDE, () => besideOutcomes(rounds, note))
  }

  kept?.end(failed)
  if (failed.length > 0) process.exitCode = 1
  const failures = failed.map((name) => `${name} FAILED`)
  return { rows: [...Object.values(facts).map(outcomeRow), ...failures], facts }
}

/** A lab that starts with its first use, and anew after one that failed. */
class Place {
  readonly #name: string
  readonly #setting: Mesh['setting']
  #mesh: Mesh | undefined

  constructor(name: string, setting: Mesh['setting']) {
    this.#name = name
    this.#setting = setting
  }

  async use(run: (mesh: Mesh) => Promise<void>): Promise<void> {
    try {
      this.#mesh ??= await this.#begin()
      await run(this.#mesh)
    } catch (error) {
      await this.leave()
      throw error
    }
  }

  async #begin(): Promise<Mesh> {
    const lab = await startPairs(this.#name, this.#setting)
    try {
      return await runMeshgate(lab, this.#setting)
    } catch (error) {
      await lab.stop()
      throw error
    }
  }

  async leave(): Promise<void> {
    const mesh = this.#mesh
    this.#mesh = undefined
    await mesh?.lab.stop().catch((error: unknown) => console.error('a lab did not stop:', error))
  }
}
