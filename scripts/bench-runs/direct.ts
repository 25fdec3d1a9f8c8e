// SPDX-License-Identifier: Apache-2.0
/**
 * Time from "both agents up" to a first path of any kind, and to a direct one, as both members' own logs tell it; to the
 * first answered ping, as the ping that is there all the time tells it; and the probes that leave both hosts until then, as
 * their wires tell it.
 */
import { startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, median, spread } from './figures.ts'

/** The first bytes of a sealed probe (native/PROTOCOL.md). */
const PROBE = 'udp[8:4] = 0x6d677001'

export async function benchDirect(rounds: number): Promise<BenchResult> {
  const lab = await startLab('netns-lab/examples/demo.toml')
  const times: number[] = []
  const first: number[] = []
  const bytes: number[] = []
  const probes: number[] = []
  let lostFirstPings = 0
  try {
    const hub = new Member(lab.host('hub'))
    const homes = [new Member(lab.host('alice')), new Member(lab.host('bob'))] as const
    await hub.init()
    await hub.run()
    const token = await hub.createToken('--uses', '2')
    for (const home of homes) await home.join(token)
    // Whoever pings has to know the address beforehand.
    await Promise.all(homes.map((home) => home.run()))
    const [address = ''] = (await homes[0].reaches('bob')).addresses
    await Promise.all(homes.map((home) => home.stop()))
    for (let round = 0; round < rounds; round++) {
      // Mappings of the round before would be a head start.
      for (const nat of ['home-a', 'home-b']) await lab.set(nat, { reboot: true })
      const captures = await Promise.all(
        homes.map((home) => home.host.capture('any', `src host ${home.host.address} and ${PROBE}`)),
      )
      const begun = Date.now()
      const answered = firstAnswer(homes[0].host, address, round)
      await Promise.all(homes.map((home) => home.run()))
      await Promise.all([homes[0].reaches('bob'), homes[1].reaches('alice')])
      const ping = await homes[0].host.exec(['ping', '-c', '1', '-W', '2', address])
      if (ping.code !== 0) lostFirstPings += 1
      const sent = await Promise.all(captures.map((capture) => capture.stop()))
      probes.push(sent.reduce((sum, { packets }) => sum + packets.length, 0))
      times.push(await timeTo('direct ', homes, begun))
      first.push(await timeTo('', homes, begun))
      bytes.push((await answered) - (await upAt(homes, begun)))
      await Promise.all(homes.map((home) => home.stop()))
    }
  } finally {
    await lab.stop()
  }
  return {
    rows: [
      `both agents up to a first path, ${first.length} rounds: ${spread(first)} ms`,
      `both agents up to the first answered ping: ${spread(bytes)} ms`,
      `both agents up to direct, ${times.length} rounds: ${spread(times)} ms`,
      `probes of both hosts to all members until then: ${spread(probes)}`,
      `first pings, once status said direct: ${lostFirstPings} of ${rounds} lost`,
    ],
    facts: {
      medianMs: median(times),
      timesMs: times,
      firstPathMedianMs: median(first),
      firstPathMs: first,
      firstByteMedianMs: median(bytes),
      firstByteMs: bytes,
      probesMedian: median(probes),
      probes,
      lostFirstPings,
    },
  }
}

/** When the first ping is answered, in milliseconds since 1970. One leaves every 20 ms, from the start. */
async function firstAnswer(host: LabHost, address: string, round: number): Promise<number> {
  const ping = `until ping -n -D -i 0.02 -c 1 -w 1 ${address}; do sleep 0.02; done`
  const asking = host.spawn(['sh', '-c', ping], { log: `first-answer-${round}.log` })
  await asking.exit
  const [, seconds] = /^\[(\d+\.\d+)\] \d+ bytes from /m.exec(await asking.output()) ?? []
  return Number(seconds) * 1000
}

/** From the later "agent runs" to the later first "path proven" of a kind. */
async function timeTo(
  kind: string,
  homes: readonly [Member, Member],
  begun: number,
): Promise<number> {
  const [alice, bob] = homes
  const proves = (peer: string) => (e: Record<string, unknown>) =>
    e['msg'] === 'path proven' && String(e['path']).startsWith(kind) && e['peer'] === peer
  const proven = [
    await loggedAt(alice, proves('bob'), begun),
    await loggedAt(bob, proves('alice'), begun),
  ]
  return Math.max(...proven) - (await upAt(homes, begun))
}

/** When both agents run. */
async function upAt(homes: readonly [Member, Member], begun: number): Promise<number> {
  const runs = (home: Member) => loggedAt(home, (entry) => entry['msg'] === 'agent runs', begun)
  return Math.max(...(await Promise.all(homes.map(runs))))
}

async function loggedAt(
  home: Member,
  matches: (entry: Record<string, unknown>) => boolean,
  begun: number,
): Promise<number> {
  const entry = (await home.log()).find((one) => matches(one) && timeOf(one) >= begun)
  if (entry === undefined) throw new Error(`${home.name}: its log does not tell`)
  return timeOf(entry)
}

function timeOf(entry: Record<string, unknown>): number {
  return Date.parse(String(entry['time']))
}
