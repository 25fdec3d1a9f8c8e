// SPDX-License-Identifier: Apache-2.0
/**
 * Time from "both agents up" to a first path of any kind, and to a direct one, as both members' own logs tell it; the
 * probes that leave both hosts until then, as their wires tell it; and whether the very first ping is answered.
 */
import { startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, median, spread } from './figures.ts'

/** The first bytes of a sealed probe (native/PROTOCOL.md). */
const PROBE = 'udp[8:4] = 0x6d677001'

export async function benchDirect(rounds: number): Promise<BenchResult> {
  const lab = await startLab('netns-lab/examples/demo.toml')
  const times: number[] = []
  const first: number[] = []
  const probes: number[] = []
  let lostFirstPings = 0
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
      const captures = await Promise.all(
        homes.map((home) => home.host.capture('any', `src host ${home.host.address} and ${PROBE}`)),
      )
      const begun = Date.now()
      await Promise.all(homes.map((home) => home.run()))
      await Promise.all([homes[0].reaches('bob'), homes[1].reaches('alice')])
      const [address = ''] = (await homes[0].peer('bob')).addresses
      const ping = await homes[0].host.exec(['ping', '-c', '1', '-W', '2', address])
      if (ping.code !== 0) lostFirstPings += 1
      const sent = await Promise.all(captures.map((capture) => capture.stop()))
      probes.push(sent.reduce((sum, { packets }) => sum + packets.length, 0))
      times.push(await timeTo('direct ', homes, begun))
      first.push(await timeTo('', homes, begun))
      await Promise.all(homes.map((home) => home.stop()))
    }
  } finally {
    await lab.stop()
  }
  return {
    rows: [
      `both agents up to a first path, ${first.length} rounds: ${spread(first)} ms`,
      `both agents up to direct, ${times.length} rounds: ${spread(times)} ms`,
      `probes of both hosts to all members until then: ${spread(probes)}`,
      `first pings, once status said direct: ${lostFirstPings} of ${rounds} lost`,
    ],
    facts: {
      medianMs: median(times),
      timesMs: times,
      firstPathMedianMs: median(first),
      firstPathMs: first,
      probesMedian: median(probes),
      probes,
      lostFirstPings,
    },
  }
}

/** From the later "agent runs" to the later first "path proven" of a kind. */
async function timeTo(
  kind: string,
  homes: readonly [Member, Member],
  begun: number,
): Promise<number> {
  const at = async (home: Member, matches: (entry: Record<string, unknown>) => boolean) => {
    const entry = (await home.log()).find((one) => matches(one) && timeOf(one) >= begun)
    if (entry === undefined) throw new Error(`${home.name}: its log does not tell`)
    return timeOf(entry)
  }
  const runs = await Promise.all(homes.map((home) => at(home, (e) => e['msg'] === 'agent runs')))
  const [alice, bob] = homes
  const proves = (peer: string) => (e: Record<string, unknown>) =>
    e['msg'] === 'path proven' && String(e['path']).startsWith(kind) && e['peer'] === peer
  const proven = [await at(alice, proves('bob')), await at(bob, proves('alice'))]
  return Math.max(...proven) - Math.max(...runs)
}

function timeOf(entry: Record<string, unknown>): number {
  return Date.parse(String(entry['time']))
}
