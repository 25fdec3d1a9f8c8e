// SPDX-License-Identifier: Apache-2.0
/** Pairs of hosts behind NATs in one lab, each with traffic of its own: what happens to one does not concern the others. */
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member, type MemberPeer } from '../../netns-lab/member.ts'
import { someAtOnce } from '../../netns-lab/some-at-once.ts'

/** What the pairs are in, and what carries their traffic there. */
export interface Setting {
  /** How many: what two cores carry with ease, for every member knows every other one, and all of them are relayed in some settings. */
  readonly pairCount: number
  readonly carries: 'direct' | 'relay' | 'turn'
  /** Of all the pairs' NATs; default: port-restricted. */
  readonly nat?: 'symmetric'
  /** Whether the first of each pair has a second uplink, and so a second direct path. */
  readonly spares?: boolean
}

export interface Pair {
  readonly name: string
  readonly homes: readonly [string, string]
  /** The first one's way to the internet. */
  readonly link: string
  /** The first one's links to its NATs, where it has two. */
  readonly cable: string
  readonly radio: string
}

export interface MeshgatePair extends Pair {
  readonly alice: Member
  readonly bob: Member
}

export interface Mesh {
  readonly lab: Lab
  readonly setting: Setting
  readonly hubs: readonly Member[]
  readonly pairs: readonly MeshgatePair[]
}

const HUBS = ['hub', 'other'] as const
/** Where hubs carry there is one more, as there is of the servers: one that was away has time to come back. */
const THIRD_HUB = 'third'
/** Hosts with a TURN server, and the services on them. */
const SERVERS = ['one', 'two', 'three'] as const
/** Agents that start at once: each needs most of a second of a core. */
const AT_ONCE = 2
const SETTLED_WITHIN_MS = 120_000

const hubNames = (carries: Setting['carries']): readonly string[] =>
  carries === 'relay' ? [...HUBS, THIRD_HUB] : HUBS

function pairsOf({ pairCount }: Setting): readonly Pair[] {
  return Array.from({ length: pairCount }, (_, i) => ({
    name: `pair${i}`,
    homes: [`home-alice${i}`, `home-bob${i}`],
    link: `wan-alice${i}`,
    cable: `cable-${i}`,
    radio: `radio-${i}`,
  }))
}

type Description = Extract<Parameters<typeof startLab>[0], { readonly nats?: unknown }>

/** Public hosts and the pairs behind their NATs, and TURN servers where they carry the traffic. */
export function startPairs(name: string, setting: Setting): Promise<Lab> {
  const { carries, nat, spares } = setting
  const hosts: NonNullable<Description['hosts']> = {}
  for (const hub of hubNames(carries)) hosts[hub] = {}
  const nats: NonNullable<Description['nats']> = {}
  const services: NonNullable<Description['services']> = {}
  if (carries === 'turn') {
    for (const on of SERVERS) {
      hosts[on] = {}
      services[on] = { kind: 'coturn', on, turn: { user: 'mesh', password: 'gate', realm: 'lab' } }
    }
  }
  const kind = nat ?? 'port-restricted'
  for (const [i, { homes, cable, radio }] of pairsOf(setting).entries()) {
    for (const home of homes) nats[home] = { kind, link: { name: home.replace('home', 'wan') } }
    if (spares) nats[`mast-${i}`] = { kind }
    const uplinks = [
      { behind: homes[0], link: { name: cable } },
      { behind: `mast-${i}`, link: { name: radio } },
    ]
    hosts[`alice${i}`] = spares ? { uplinks } : { behind: homes[0] }
    hosts[`bob${i}`] = { behind: homes[1] }
  }
  return startLab({ name, hosts, nats, services })
}

export async function runMeshgate(lab: Lab, setting: Setting): Promise<Mesh> {
  const turn = (name: string) =>
    `[[turn]]\nid = "${name}"\nurl = "turn:${lab.host(name).address}"\nusername = "mesh"\npassword = "gate"\n`
  const begin = async (name: string, config: string) => {
    const member = new Member(lab.host(name))
    await member.configure(config)
    return member
  }
  const overTurn = setting.carries === 'turn'
  const hubs = await Promise.all(
    hubNames(setting.carries).map((name) => begin(name, overTurn ? 'relay = false\n' : '')),
  )
  const servers = overTurn ? SERVERS.map(turn).join('') : ''
  const pairs = await Promise.all(
    pairsOf(setting).map(async (pair, i) => ({
      ...pair,
      alice: await begin(`alice${i}`, servers),
      bob: await begin(`bob${i}`, ''),
    })),
  )
  const [founder, ...others] = [...hubs, ...pairs.flatMap(({ alice, bob }) => [alice, bob])]
  await founder?.init()
  await founder?.run()
  const token = (await founder?.createToken('--uses', String(others.length))) ?? ''
  await someAtOnce(AT_ONCE, others, async (member) => {
    await member.join(token)
    await member.runQuietly()
  })
  return { lab, setting, hubs, pairs }
}

/** What one of a pair knows of the other. */
export function otherOf(member: Member, other: Member): Promise<MemberPeer> {
  return member.host.waitFor(
    async () => (await member.peek()).peers.find(({ name }) => name === other.name),
    { deadlineMs: SETTLED_WITHIN_MS, what: `it tells of ${other.name}`, pollMs: 250 },
  )
}

/** Traffic goes as it should, in both directions, and either host has a backup: a direct one where there is a spare. */
export async function settled(
  { carries, spares }: Setting,
  { alice, bob }: MeshgatePair,
): Promise<void> {
  const isArmed = (member: Member, other: Member) =>
    member.host.waitFor(
      async () => {
        const { path, backups, why } = await otherOf(member, other)
        if (path.kind !== carries) throw new Error(`path is ${path.kind}: ${why}`)
        return backups.some(({ kind }) => spares !== true || kind === 'direct')
      },
      {
        deadlineMs: SETTLED_WITHIN_MS,
        what: `${carries} to ${other.name}, with a backup`,
        pollMs: 250,
      },
    )
  await Promise.all([isArmed(alice, bob), isArmed(bob, alice)])
}

/** Both programs anew, so that nothing is held for what happened before. */
export async function startAnew({ alice, bob }: MeshgatePair): Promise<void> {
  await Promise.all(
    [alice, bob].map(async (member) => {
      await member.stop()
      await member.runQuietly()
    }),
  )
}
