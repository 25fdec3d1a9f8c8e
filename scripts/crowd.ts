// SPDX-License-Identifier: Apache-2.0
/** A network of many hosts in a lab, brought up in a time that grows with their number and no faster. */
import type { Lab } from '../netns-lab/lab.ts'
import { Member, type MemberStatus } from '../netns-lab/member.ts'
import { someAtOnce } from '../netns-lab/some-at-once.ts'

/** Each command and each agent that starts needs most of a second of a core. */
export const AT_ONCE = 3

/** The first of the hosts makes the network. All have joined before the second agent starts: those that run take processor time from the rest. */
export async function startCrowd(lab: Lab, names: readonly string[]): Promise<Member[]> {
  const members = names.map((name) => new Member(lab.host(name)))
  const [founder, ...others] = members
  if (founder === undefined) throw new Error('a crowd needs a member')
  await founder.init()
  await founder.run()
  const token = await founder.createToken('--uses', String(others.length))
  await someAtOnce(AT_ONCE, others, (member) => member.join(token))
  await someAtOnce(AT_ONCE, others, (member) => member.runQuietly())
  return members
}

/** Waits until all of them see this; `fault` tells what one does not see yet. Returns when it was so, in ms since the epoch. */
export async function allSee(
  members: readonly Member[],
  what: string,
  fault: (status: MemberStatus, member: Member) => string | undefined,
  deadlineMs: number,
): Promise<number> {
  const untilMs = performance.now() + deadlineMs
  for (const member of members) {
    const sees = async () => {
      const found = fault(await member.peek(), member)
      if (found === undefined) return true
      throw new Error(found)
    }
    await member.host.waitFor(sees, {
      deadlineMs: Math.max(1_000, untilMs - performance.now()),
      what,
      pollMs: 250,
    })
  }
  return Date.now()
}

/** `p50 A, p90 B, last C` of some times. */
export function distribution(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return `p50 ${at(0.5)}, p90 ${at(0.9)}, last ${sorted.at(-1)}`
}
