// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant } from '../../nat/clock.ts'
import { createDissemination, QUEUE_MAX, spread, takeNews } from '../../topology/dissemination.ts'
import { nextTarget, createFailureDetector } from '../../topology/failure-detector.ts'
import { type Claim, type Life, overrides, refutation } from '../../topology/incarnation.ts'
import { createLocalHealth, noticeHealth, scaled } from '../../topology/local-health.ts'
import { confirm, createSuspicion, suspicionTimeoutMs } from '../../topology/suspicion.ts'
import { swimDeadline, swimReceive, swimTick } from '../../topology/swim.ts'
import {
  decodeSwim,
  encodeSwim,
  SWIM_BYTES_MAX,
  type SwimMessage,
  UPDATES_MAX,
} from '../../topology/swim-codec.ts'
import { createSwim, setMembers, type SwimEffect } from '../../topology/swim-group.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { toHex } from '../../nat/hex.ts'
import { alterations, truncations } from './mutation.ts'

const LIVES: Life[] = ['alive', 'suspect', 'failed', 'left']
const claimOf = fc.record({
  life: fc.constantFrom(...LIVES),
  incarnation: fc.integer({ min: 0, max: 3 }),
})

describe('an incarnation', () => {
  test('orders all claims: of two different ones exactly one counts', () => {
    fc.assert(
      fc.property(claimOf, claimOf, (a: Claim, b: Claim) => {
        const same = a.life === b.life && a.incarnation === b.incarnation
        expect(overrides(a, b) || overrides(b, a)).toBe(!same)
        expect(overrides(a, b) && overrides(b, a)).toBe(false)
      }),
    )
  })

  test('that a member raises answers every doubt', () => {
    for (const life of LIVES) {
      const incarnation = refutation(4, 7)
      expect(overrides({ life: 'alive', incarnation }, { life, incarnation: 7 })).toBe(true)
    }
  })
})

describe('a suspicion', () => {
  const NOW = instant(0)

  test.each([
    [10, 4_000],
    [100, 8_000],
    [1_000, 12_000],
  ])('in a group of %i lasts at least %i ms, and six times as long for a lone doubter', (n, ms) => {
    const suspicion = createSuspicion(n, 1_000, 'a', NOW)
    expect(suspicionTimeoutMs(suspicion)).toBeCloseTo(6 * ms)
    for (const other of ['b', 'c', 'd']) expect(confirm(suspicion, other)).toBe(true)
    expect(suspicionTimeoutMs(suspicion)).toBeCloseTo(ms)
    expect(confirm(suspicion, 'e')).toBe(false)
  })

  test('is not shortened by one who repeats it', () => {
    const suspicion = createSuspicion(100, 1_000, 'a', NOW)
    expect(confirm(suspicion, 'a')).toBe(false)
    expect(suspicionTimeoutMs(suspicion)).toBeCloseTo(48_000)
  })

  test('does not wait for confirmations that nobody could give', () => {
    expect(suspicionTimeoutMs(createSuspicion(3, 1_000, 'a', NOW))).toBe(4_000)
  })
})

describe('local health', () => {
  test('slows a node down while it misses answers, within bounds, and recovers', () => {
    const health = createLocalHealth()
    for (let i = 0; i < 20; i++) noticeHealth(health, 'nack-missed')
    expect(scaled(health, 500)).toBe(4_500)
    for (let i = 0; i < 20; i++) noticeHealth(health, 'answered')
    expect(scaled(health, 500)).toBe(500)
  })
})

describe('dissemination', () => {
  const updateOf = (i: number) =>
    ({
      member: `10.0.${i >> 8}.${i & 255}`,
      life: 'suspect',
      incarnation: 1,
      by: '10.0.0.1',
    }) as const

  test('tells each piece a number of times that grows with the logarithm of the group, the least told first', () => {
    const news = createDissemination()
    for (let i = 0; i < 3; i++) spread(news, updateOf(i))
    const told = new Map<string, number>()
    for (let round = 0; round < 100; round++)
      for (const { member } of takeNews(news, 2, 99)) told.set(member, (told.get(member) ?? 0) + 1)
    expect([...told.values()]).toEqual([8, 8, 8])
    expect(news.queue.size).toBe(0)
  })

  test('keeps one piece a member and no more than its bound', () => {
    const news = createDissemination()
    for (let i = 0; i < 2 * QUEUE_MAX; i++) spread(news, updateOf(i))
    for (let i = 0; i < 10; i++) spread(news, updateOf(2 * QUEUE_MAX - 1))
    expect(news.queue.size).toBe(QUEUE_MAX)
  })
})

describe('a failure detector', () => {
  test('asks everybody once in each round', () => {
    const detector = createFailureDetector()
    const members = Array.from({ length: 20 }, (_, i) => `m${i}`)
    const { entropy } = new SeededRandom(1)
    for (let round = 0; round < 5; round++) {
      const asked = members.map(() => nextTarget(detector, members, () => true, entropy))
      expect(new Set(asked).size).toBe(20)
    }
    expect(nextTarget(detector, members, () => false, entropy)).toBeUndefined()
  })
})

describe("SWIM's wire", () => {
  const message: SwimMessage = {
    type: 'ping-req',
    sequence: 0x01020304,
    target: '10.7.0.9',
    updates: [
      { life: 'suspect', member: '10.7.0.2', incarnation: 1_767_225_600_000, by: '10.7.0.1' },
    ],
  }

  test('is these bytes', () => {
    expect(toHex(encodeSwim(message))).toBe('0103010203040a07000901020a070002019b76daa8000a070001')
    expect(decodeSwim(encodeSwim(message))).toEqual({ ok: true, value: message })
  })

  test('cut short is refused; altered or random it is refused or another message, and never throws', () => {
    const bytes = encodeSwim(message)
    for (const broken of truncations(bytes)) expect(decodeSwim(broken).ok).toBe(false)
    for (const altered of alterations(bytes)) {
      const read = decodeSwim(altered)
      if (read.ok) expect(encodeSwim(read.value)).toEqual(altered)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (random) => {
        const read = decodeSwim(random)
        if (read.ok) expect(encodeSwim(read.value)).toEqual(random)
      }),
    )
  })

  test('never exceeds its bound', () => {
    const updates = Array.from({ length: 100 }, () => message.updates[0]!)
    const bytes = encodeSwim({ ...message, updates })
    expect(bytes.length).toBe(SWIM_BYTES_MAX)
    const read = decodeSwim(bytes)
    expect(read.ok && read.value.updates.length).toBe(UPDATES_MAX)
    expect(decodeSwim(new Uint8Array(SWIM_BYTES_MAX + 1)).ok).toBe(false)
  })
})

describe('a member', () => {
  const { entropy } = new SeededRandom(1)
  const others = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']

  function group() {
    const swim = createSwim('10.0.0.1', 5, instant(0))
    setMembers(swim, new Set(['10.0.0.1', ...others]))
    return swim
  }

  const sent = (effects: SwimEffect[], type: string) =>
    effects.flatMap((effect) =>
      effect.kind === 'send' && effect.message.type === type ? [effect] : [],
    )

  const ping = (updates: SwimMessage['updates'] = []): SwimMessage => ({
    type: 'ping',
    sequence: 7,
    target: '10.0.0.1',
    updates,
  })

  test('that does not answer is asked over three others, then doubted, then given up', () => {
    const swim = group()
    const [first] = sent(swimTick(swim, instant(0), entropy), 'ping')
    const silent = first!.to
    const asked = sent(swimTick(swim, instant(500), entropy), 'ping-req')
    expect(asked).toHaveLength(3)
    expect(asked.every(({ to, message }) => to !== silent && message.target === silent)).toBe(true)
    const changes = swimTick(swim, instant(1_000), entropy)
    expect(changes).toContainEqual({
      kind: 'life',
      member: silent,
      life: 'suspect',
      before: 'alive',
    })
    swim.detector.probe = undefined
    swim.nextPeriodAt = instant(1_000_000)
    const until = swimDeadline(swim)
    expect(until).toBeGreaterThan(4_000)
    expect(swimTick(swim, until, entropy)).toContainEqual({
      kind: 'life',
      member: silent,
      life: 'failed',
      before: 'suspect',
    })
  })

  test('answers a ping, and a doubt about itself with a higher incarnation', () => {
    const swim = group()
    const doubted = { life: 'suspect', member: '10.0.0.1', incarnation: 5, by: '10.0.0.3' } as const
    const [ack] = sent(swimReceive(swim, '10.0.0.2', ping([doubted]), instant(0)), 'ack')
    expect(ack).toMatchObject({ to: '10.0.0.2', message: { sequence: 7 } })
    expect(ack?.message.updates[0]).toMatchObject({ life: 'alive', incarnation: 6 })
    expect(swim.health.score).toBe(1)
  })

  test('tells a doubted member of the doubt when it speaks to it', () => {
    const swim = group()
    const doubt = { life: 'suspect', member: '10.0.0.2', incarnation: 0, by: '10.0.0.3' } as const
    swimReceive(swim, '10.0.0.3', ping([doubt]), instant(0))
    const [ack] = sent(swimReceive(swim, '10.0.0.2', ping(), instant(1)), 'ack')
    expect(ack?.message.updates).toContainEqual(
      expect.objectContaining({ life: 'suspect', member: '10.0.0.2' }),
    )
  })

  test('does not listen to anybody who is no member, and speaks for itself only', () => {
    const swim = group()
    const lie = { life: 'failed', member: '10.0.0.3', incarnation: 9, by: '10.0.0.9' } as const
    expect(swimReceive(swim, '10.0.0.99', ping([lie]), instant(0))).toEqual([])
    expect(swim.members.get('10.0.0.3')?.claim.life).toBe('alive')
    const elsewhere = { ...ping(), target: '10.0.0.4' }
    expect(sent(swimReceive(swim, '10.0.0.2', elsewhere, instant(0)), 'ack')).toEqual([])
  })

  test('asks for others no more often than it can keep track of', () => {
    const swim = group()
    for (let sequence = 0; sequence < 1_000; sequence++) {
      const request = { type: 'ping-req', sequence, target: '10.0.0.3', updates: [] } as const
      swimReceive(swim, '10.0.0.2', request, instant(0))
    }
    expect(swim.relayed.size).toBe(64)
  })
})
