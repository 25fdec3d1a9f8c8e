// SPDX-License-Identifier: Apache-2.0
/** Pairs of hosts behind NATs in one lab, each with traffic of its own: what happens to one does not concern the others. */
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'

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

export const PAIRS: readonly Pair[] = Array.from({ length: 5 }, (_, i) => ({
  name: `pair${i}`,
  homes: [`home-alice${i}`, `home-bob${i}`],
  link: `wan-alice${i}`,
  cable: `cable-${i}`,
  radio: `radio-${i}`,
}))

type Description = Extract<Parameters<typeof startLab>[0], { readonly nats?: unknown }>

/** Two hubs, and the pairs behind port-restricted NATs; `spares`: the first of each pair has a second uplink. */
export function startPairs(name: string, { spares = false } = {}): Promise<Lab> {
  const hosts: NonNullable<Description['hosts']> = { hub: {}, other: {} }
  const nats: NonNullable<Description['nats']> = {}
  for (const [i, { homes, cable, radio }] of PAIRS.entries()) {
    for (const home of homes)
      nats[home] = { kind: 'port-restricted', link: { name: home.replace('home', 'wan') } }
    if (spares) nats[`mast-${i}`] = { kind: 'port-restricted' }
    const uplinks = [
      { behind: homes[0], link: { name: cable } },
      { behind: `mast-${i}`, link: { name: radio } },
    ]
    hosts[`alice${i}`] = spares ? { uplinks } : { behind: homes[0] }
    hosts[`bob${i}`] = { behind: homes[1] }
  }
  return startLab({ name, hosts, nats })
}

/** `config`: TOML for all hosts of the pairs. */
export async function runMeshgate(lab: Lab, config = ''): Promise<readonly MeshgatePair[]> {
  const hub = new Member(lab.host('hub'))
  await hub.init()
  await hub.run()
  const token = await hub.createToken('--uses', String(2 * PAIRS.length + 1))
  const join = async (name: string) => {
    const member = new Member(lab.host(name))
    await member.configure(name === 'other' ? '' : config)
    await member.join(token)
    await member.run()
    return member
  }
  await join('other')
  const pairs: MeshgatePair[] = []
  for (const [i, pair] of PAIRS.entries()) {
    const [alice, bob] = await Promise.all([join(`alice${i}`), join(`bob${i}`)])
    pairs.push({ ...pair, alice, bob })
  }
  return pairs
}

/** Both hosts of a pair are direct, and each has a backup; with `spares` one that is direct as well. */
export async function settled(
  { alice, bob }: MeshgatePair,
  { spares = false } = {},
): Promise<void> {
  const isArmed = async (member: Member, other: Member) => {
    await member.reaches(other.name, 'direct', 90_000)
    await member.host.waitFor(
      async () => {
        const { backups } = await member.peer(other.name)
        return backups.some(({ kind }) => !spares || kind === 'direct')
      },
      { deadlineMs: 60_000, what: 'a backup' },
    )
  }
  await Promise.all([isArmed(alice, bob), isArmed(bob, alice)])
}

/** Both programs anew, so that nothing is held for what happened before. */
export async function startAnew({ alice, bob }: MeshgatePair): Promise<void> {
  await Promise.all(
    [alice, bob].map(async (member) => {
      await member.stop()
      await member.run()
    }),
  )
}
