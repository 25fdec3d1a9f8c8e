// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { isDirect } from '../../nat/proven-paths.ts'
import { checking, measured } from './checked-peer.ts'
import { at } from './literal.ts'

const A = at('203.0.113.1:7')
const B = at('203.0.113.2:7')

describe('a path', () => {
  it('that the helper lets rest is not argued about, although it answers', () => {
    const { agent, reachable, run, tell, armed, now, sentSince } = checking(A, B)
    reachable.set(A, 20)
    run(5_000)
    const before = sentSince(0)
    for (let i = 0; i < 300; i++) {
      tell(measured(A, { up: false }))
      run(now() + 2_000)
      expect(isDirect(agent)).toBe(false)
      expect(armed()).toEqual([A])
    }
    // What does not answer is asked again in the rounds of a pair without a direct path, and in no others.
    expect(sentSince(0) - before).toBeLessThan(80)
    tell(measured(A))
    expect(isDirect(agent)).toBe(true)
  })

  it('is taken back into the order by its answer if the helper has no room for it', () => {
    const others = [2, 3, 4].map((n) => at(`203.0.113.${n}:7`))
    const { agent, reachable, run, tell, armed } = checking(A, ...others)
    for (const endpoint of [A, ...others]) reachable.set(endpoint, 20)
    run(10)
    tell(measured(A, { up: false }))
    expect(armed()).toEqual(others)
    run(60_020)
    expect(agent.proven.get(A)?.up).toBe(true)
  })
})
