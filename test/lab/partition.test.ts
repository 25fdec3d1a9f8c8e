// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** A split of the internet in two, and its healing; then a host that dies. `scripts/split` does it to ten and ten. */
const HALF = 2
const LEFT = Array.from({ length: HALF }, (_, i) => `left-${i}`)
const RIGHT = Array.from({ length: HALF }, (_, i) => `right-${i}`)

let lab: Lab
let members: Member[]
let left: Member[]
let right: Member[]

beforeAll(async () => {
  const names = [...LEFT, ...RIGHT]
  lab = await startLab({
    name: 'partition',
    hosts: Object.fromEntries(names.map((n) => [n, {}])),
  })
  const mesh = await startMesh(lab, names)
  members = names.map((name) => mesh[name]!)
  left = members.slice(0, HALF)
  right = members.slice(HALF)
})

afterAll(async () => {
  await lab?.stop()
})

/** Waits until all of `from` see the life of all of `others` like this. */
async function all(from: readonly Member[], others: readonly Member[], liveness: string) {
  for (const member of from)
    await member.host.waitFor(
      async () => {
        const { peers } = await member.status()
        const lives = others
          .filter((other) => other !== member)
          .map((other) => peers.find(({ name }) => name === other.name)?.liveness)
        if (lives.some((life) => life !== liveness)) throw new Error(lives.join(' '))
        return true
      },
      { deadlineMs: 60_000, what: `${member.name} sees ${liveness}`, pollMs: 500 },
    )
}

const kinds = async (member: Member): Promise<string[]> =>
  (await member.events()).map(({ kind }) => kind)

test('both sides of a split go on, and say what they do not see', async () => {
  await all(members, members, 'alive')
  await lab.set('internet', { cuts: LEFT.flatMap((a) => RIGHT.map((b) => [a, b] as const)) })
  await all(left, right, 'failed')
  await all(right, left, 'failed')
  await all(left, left, 'alive')
  const sentence = `partitioned: ${HALF} of ${2 * HALF} members unseen`
  // The network's own key is on the left.
  expect((await left[0]!.status()).self.partition?.sentence).toBe(sentence)
  const lost = (await right[0]!.status()).self.partition
  expect(lost).toMatchObject({ quorumLost: true, sentence: `${sentence}, authority quorum lost` })
  expect(await right[0]!.do(['status'])).toContain('authority quorum lost')
  const [one, other] = right
  await one!.pings((await other!.status()).self.addresses[0]!)
})

test('after the split has healed all see each other again', async () => {
  await lab.set('internet', { cuts: [] })
  await all(members, members, 'alive')
  for (const member of [left[0]!, right[0]!]) {
    expect((await member.status()).self.partition).toBeNull()
    // Status believes a path that answers, and may know before the members have asked each other.
    await member.host.waitFor(
      async () => {
        const seen = await kinds(member)
        return ['member-suspect', 'member-failed', 'member-alive'].every((k) => seen.includes(k))
      },
      { deadlineMs: 30_000, what: 'all of it was told', pollMs: 500 },
    )
  }
  await left[0]!.pings((await right[0]!.status()).self.addresses[0]!)
})

test('a host that nobody hears of any more is given up, and one that leaves is not mourned', async () => {
  const [dying, leaving] = right
  const others = members.filter((member) => member !== dying)
  await lab.set('internet', { cuts: others.map(({ name }) => [name, dying!.name] as const) })
  await all(left, [dying!], 'failed')
  await leaving!.do(['leave'])
  await left[0]!.host.waitFor(
    async () => (await left[0]!.status()).peers.every(({ name }) => name !== leaving!.name),
    { deadlineMs: 10_000, what: 'the one that left is gone', pollMs: 200 },
  )
  expect(await kinds(left[0]!)).toContain('member-left')
})
