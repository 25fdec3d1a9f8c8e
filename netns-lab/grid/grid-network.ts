// SPDX-License-Identifier: Apache-2.0
import type { Capability } from '../expected-grid.ts'
import type { Lab } from '../lab.ts'
import { Member } from '../member.ts'
import { someAtOnce } from '../some-at-once.ts'
import { readPathLog } from './path-log.ts'
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

export interface GridStart {
  readonly lab: Lab
  readonly sites: readonly GridSite[]
  readonly has: ReadonlySet<Capability>
  readonly say: (line: string) => void
  /** Ends once these hosts have met, or there is no use in waiting for more. */
  readonly met: (
    members: ReadonlyMap<string, Member>,
    sites: readonly GridSite[],
  ) => Promise<unknown>
}

/**
 * Hubs and hosts by name; all are members of one network and run. Side a is there first. Then one host of side b comes
 * after the other, each once the one before has met side a: how soon that is would otherwise tell of the machine.
 */
export async function startGridNetwork({
  lab,
  sites,
  has,
  say,
  met,
}: GridStart): Promise<ReadonlyMap<string, Member>> {
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
  const start = async ({ host }: GridSite) => {
    const member = members.get(host)!
    await member.join(token)
    await member.runQuietly()
    say(`${host} runs`)
  }
  const rows = sites.filter(({ side }) => side === 'a')
  await someAtOnce(atOnce, rows, start)
  await reachHubs(lab, rows, members)
  for (const site of sites.filter(({ side }) => side === 'b')) {
    await start(site)
    await met(members, [...rows, site])
  }
  return members
}

/** Whoever cannot at all is shown by the grid. */
async function reachHubs(
  lab: Lab,
  sites: readonly GridSite[],
  members: ReadonlyMap<string, Member>,
): Promise<void> {
  const reached = async ({ host }: GridSite) => {
    const { firstAt } = await readPathLog(members.get(host)!)
    return hubs.some((hub) => firstAt.has(hub))
  }
  await lab
    .host(hubs[0])
    .waitFor(async () => (await Promise.all(sites.map(reached))).every(Boolean), {
      deadlineMs: 20_000,
      what: 'side a reaches hubs',
      pollMs: 300,
    })
    .catch(() => undefined)
}
