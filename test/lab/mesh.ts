// SPDX-License-Identifier: Apache-2.0
import type { Lab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Member } from '../../netns-lab/member.ts'
import { someAtOnce } from '../../netns-lab/some-at-once.ts'

/** Agents that start at once. Each needs most of a second of a core to come up. */
const atOnce = 2

/** A network on hosts of a lab: the first one makes it, the others join over that one. `configs`: TOML, by host. */
export async function startMesh<Name extends string>(
  lab: Lab,
  names: readonly Name[],
  configs: Partial<Record<Name, string>> = {},
): Promise<Record<Name, Member>> {
  const members = names.map((name) => new Member(lab.host(name)))
  for (const [name, toml] of Object.entries<string | undefined>(configs))
    await members.find((member) => member.name === name)?.configure(toml ?? '')
  const [founder, ...others] = members
  if (founder === undefined) throw new Error('a mesh needs a member')
  await founder.init()
  await founder.run()
  const token = await founder.createToken('--uses', String(others.length))
  await someAtOnce(atOnce, others, async (member) => {
    await member.join(token)
    await member.runQuietly()
  })
  return Object.fromEntries(members.map((member) => [member.name, member])) as Record<Name, Member>
}

/** A member's IPv4 address in the mesh, as another member knows it. */
export async function meshAddress(from: Member, name: string): Promise<string> {
  const [address] = (await from.peer(name)).addresses
  if (address === undefined) throw new Error(`${from.name} knows no address of ${name}`)
  return address
}

/** Traffic that goes on while the world changes. */
export interface SteadyPing {
  /** Waits until so many more answers have come. */
  answers(count: number, deadlineMs: number): Promise<void>
  /** Ends it; the longest time without an answer, that before the first and after the last one included. */
  stop(): Promise<{ readonly longestGapMs: number; readonly answered: number }>
}

let pings = 0

/** Ten packets a second. Waits for the first answer. */
export async function steadyPing(host: LabHost, address: string): Promise<SteadyPing> {
  const log = `steady-ping-${++pings}.log`
  const ping = host.spawn(['ping', '-n', '-D', '-i', '0.1', address], { log })
  const times = async () =>
    [...(await ping.output()).matchAll(/^\[(\d+\.\d+)\] \d+ bytes from /gm)].map(([, at]) =>
      Math.round(Number(at) * 1000),
    )
  const answers = async (count: number, deadlineMs: number) => {
    const before = (await times()).length
    await host.waitFor(async () => (await times()).length >= before + count, {
      deadlineMs,
      what: `${count} more answers from ${address}`,
    })
  }
  await answers(1, 10_000)
  return {
    answers,
    stop: async () => {
      const endedAt = Date.now()
      ping.kill('SIGINT')
      await ping.exit
      const at = [...(await times()).filter((time) => time < endedAt), endedAt]
      const gaps = at.slice(1).map((time, i) => time - at[i]!)
      return { longestGapMs: Math.max(...gaps), answered: at.length - 1 }
    },
  }
}
