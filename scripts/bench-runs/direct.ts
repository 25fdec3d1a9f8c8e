// SPDX-License-Identifier: Apache-2.0
/** Time from "both agents up" to a proven direct path, as both members' own logs tell it. */
import { startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, median, spread } from './figures.ts'

export async function benchDirect(rounds: number): Promise<BenchResult> {
  const lab = await startLab('netns-lab/examples/demo.toml')
  const times: number[] = []
  try {
    const hub = new Member(lab.host('hub'))
    const homes = [new Member(lab.host('alice')), new Member(lab.host('bob'))] as const
    await hub.init()
    await hub.run()
    const token = await hub.createToken('--uses', '2')
    for (const home of homes) await home.join(token)
    for (let round = 0; round < rounds; round++) {
      // Mappings of the round before would be a head start.
      for (const nat of ['home-a', 'home-b']) await lab.set(nat, { reboot: true })
      const begun = Date.now()
      await Promise.all(homes.map((home) => home.run()))
      await Promise.all([homes[0].reaches('bob'), homes[1].reaches('alice')])
      times.push(await timeToDirect(homes, begun))
      await Promise.all(homes.map((home) => home.stop()))
    }
  } finally {
    await lab.stop()
  }
  return {
    rows: [`both agents up to direct, ${times.length} rounds: ${spread(times)} ms`],
    facts: { medianMs: median(times), timesMs: times },
  }
}

/** From the later "agent runs" to the later first direct "path proven". */
async function timeToDirect(homes: readonly [Member, Member], begun: number): Promise<number> {
  const at = async (home: Member, matches: (entry: Record<string, unknown>) => boolean) => {
    const entry = (await home.log()).find((one) => matches(one) && timeOf(one) >= begun)
    if (entry === undefined) throw new Error(`${home.name}: its log does not tell`)
    return timeOf(entry)
  }
  const runs = await Promise.all(homes.map((home) => at(home, (e) => e['msg'] === 'agent runs')))
  const [alice, bob] = homes
  const proves = (peer: string) => (e: Record<string, unknown>) =>
    e['msg'] === 'path proven' && String(e['path']).startsWith('direct ') && e['peer'] === peer
  const proven = [await at(alice, proves('bob')), await at(bob, proves('alice'))]
  return Math.max(...proven) - Math.max(...runs)
}

function timeOf(entry: Record<string, unknown>): number {
  return Date.parse(String(entry['time']))
}
