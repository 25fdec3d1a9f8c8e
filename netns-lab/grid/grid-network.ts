// SPDX-License-Identifier: Apache-2.0
import type { Capability } from '../expected-grid.ts'
import type { Lab } from '../lab.ts'
import { Member } from '../member.ts'
import { type GridSite, hubs, needsTurn, turn } from './grid-site.ts'

/** Agents that start at once. Each needs a second of a core to come up. */
const atOnce = 2

/** The one port that networks without UDP leave open. */
const hubConfig = 'tcp_port = 443\n'

const turnConfig = (address: string, caFile: string) =>
  `[[turn]]
id = "turn"
url = "turns:${address}:${turn.port}"
username = "${turn.user}"
password = "${turn.password}"
ca = "${caFile}"
`

/** Hubs and hosts by name; all are members of one network and run. */
export async function startGridNetwork(
  lab: Lab,
  sites: readonly GridSite[],
  has: ReadonlySet<Capability>,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, Member>> {
  const members = new Map(
    [...hubs, ...sites.map(({ host }) => host)].map((name) => [name, new Member(lab.host(name))]),
  )
  const [first, second] = hubs.map((hub) => members.get(hub)!) as [Member, Member]
  for (const hub of [first, second]) await hub.configure(hubConfig)
  await first.init()
  await first.run()
  await second.join(await first.createToken())
  await second.run()
  if (has.has('relay-over-tcp')) {
    for (const { host } of sites.filter(needsTurn)) {
      const member = members.get(host)!
      await member.configure(turnConfig(lab.host(turn.host).address, member.host.caFile))
    }
  }
  const token = await first.createToken('--uses', String(sites.length))
  // A name taken from the front by whoever is free keeps the machine busy and not flooded.
  const waiting = sites.map(({ host }) => members.get(host)!)
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
        await member.join(token)
        await runQuietly(member)
        say(`${member.name} runs`)
      }
    }),
  )
  return members
}

/** By its log: asking for its status again and again would take from the agent what it needs to come up. */
async function runQuietly(member: Member): Promise<void> {
  const process = member.start()
  const runs = async () => {
    const output = await process.output()
    if (!process.isRunning) throw new Error(output)
    return output.includes('"agent runs"')
  }
  await member.host.waitFor(runs, { deadlineMs: 60_000, what: 'meshgate runs', pollMs: 100 })
}
