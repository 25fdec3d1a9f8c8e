// SPDX-License-Identifier: Apache-2.0
/** A short pass: every input that is kept, and a few hundred others from a seed that stays. `scripts/fuzz` goes on for longer. */
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { readCorpus } from './corpus.ts'
import { FUZZ_TARGETS } from './fuzz-target.ts'
import { mutate } from './mutation.ts'

const MUTANTS = 150

describe.each(FUZZ_TARGETS)('the parser of a $name', ({ name, seeds, run }) => {
  test('accepts what is good: whatever it refuses below, it does not refuse all', () => {
    expect(seeds.map(run)).toContain('ok')
  })

  test('holds for every input that is kept', () => {
    const kept = readCorpus(name)
    expect(kept.length).toBeGreaterThan(0)
    for (const input of kept) expect(run(input)).toBeTypeOf('string')
  })

  test('holds for what becomes of them by chance', () => {
    const random = new SeededRandom(1, name)
    const inputs = [...seeds, ...readCorpus(name)]
    for (let i = 0; i < MUTANTS; i++) {
      const input = mutate(random.pick(inputs), inputs, random)
      expect(run(input)).toBeTypeOf('string')
    }
  })
})
