// SPDX-License-Identifier: Apache-2.0
/** Pairs of hosts behind NATs in one lab, each with traffic of its own: what happens to one does not concern the others. */
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'

export interface Pair {
  readonly name: string
  readonly homes: readonly [string, string]
  /** The first one's way to the internet. */
  readonly link: string
}

export interface MeshgatePair extends Pair {
  readonly alice: Member
  readonly bob: Member
}

export const PAIRS: readonly Pair[] = Array.from({ length: 5 }, (_, i) => ({
  name: `pair${i}`,
  homes: [`home-alice${i}`, `home-bob${i}`],
  link: `wan-alice${i}`,
}))

/** Two hubs, and the pairs behind port-restricted NATs. */
export function startPairs(name: string): Promise<Lab> {
  const hosts: Record<string, { behind?: string }> = { hub: {}, other: {} }
  const nats: Record<string, { kind: 'port-restricted'; link: { name: string } }> = {}
  for (const i of PAIRS.keys())
    for (const who of ['alice', 'bob']) {
      hosts[`${who}${i}`] = { behind: `home-${who}${i}` }
      nats[`home-${who}${i}`] = { kind: 'port-restricted', link: { name: `wan-${who}${i}` } }
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

/** Both hosts of a pair are direct, and there is a backup. */
export async function settled({ alice, bob }: MeshgatePair): Promise<void> {
  await Promise.all([
    alice.reaches(bob.name, 'direct', 90_000),
    bob.reaches(alice.name, 'direct', 90_000),
  ])
  await alice.host.waitFor(async () => (await alice.peer(bob.name)).backups.length > 0, {
    deadlineMs: 60_000,
    what: 'a backup',
  })
}
