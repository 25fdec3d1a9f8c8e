// SPDX-License-Identifier: Apache-2.0
/** What a path that dies costs: the longest time without an answer around each of many cuts, a datagram every 10 ms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { type BenchResult, percentile, spread } from './figures.ts'

/** How long a path stays cut, and how long both hosts have been direct again before the next cut: so long that
 * no path is held because it comes and goes. */
const CUT_MS = 2_000
const REST_MS = 10_500

interface Way {
  /** Of a kind whose next cut has to wait for ever longer. */
  readonly roundsMax?: number
  cut(lab: Lab): Promise<unknown>
  heal(lab: Lab): Promise<unknown>
}

const WAYS: Readonly<Record<string, Way>> = {
  'cut both ways': {
    cut: (lab) => lab.set('internet', { cuts: [['home-a', 'home-b']] }),
    heal: (lab) => lab.set('internet', { cuts: [] }),
  },
  'cut one way': {
    cut: (lab) => {
      const [from, to] = [lab.host('home-a').address, lab.host('home-b').address]
      const chain = 'add chain ip oneway forward { type filter hook forward priority -10; }'
      const drop = `add rule ip oneway forward ip saddr ${from} ip daddr ${to} drop`
      return lab.host('internet').run(['nft', `add table ip oneway; ${chain}; ${drop}`])
    },
    heal: (lab) => lab.host('internet').run(['nft', 'delete table ip oneway']),
  },
  'WireGuard dropped, probes passed': {
    // A path that carried nothing is held for 10 s, then 20, 40.
    roundsMax: 3,
    cut: (lab) => lab.set('wan-a', { dropWireguard: true }),
    heal: (lab) => lab.set('wan-a', { dropWireguard: false }),
  },
}

/** `rounds`: cuts of each kind. */
export async function benchFailover(rounds: number): Promise<BenchResult> {
  const lab = await startLab({
    name: 'bench-failover',
    hosts: { hub: {}, other: {}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'port-restricted', link: { name: 'wan-a' } },
      'home-b': { kind: 'port-restricted' },
    },
  })
  const rows: string[] = []
  const facts: Record<string, unknown> = {}
  try {
    const [alice, bob] = await pairOf(lab)
    for (const [name, way] of Object.entries(WAYS)) {
      const cuts = Math.min(rounds, way.roundsMax ?? rounds)
      const { gapsMs, lostShare } = await gapsOf(lab, [alice, bob], way, cuts)
      const p99 = percentile(gapsMs, 99)
      const lost = `${(lostShare * 100).toFixed(2)} % of all datagrams lost`
      rows.push(`${name}, ${cuts} cuts: gap ${spread(gapsMs)} ms, p99 ${p99} ms; ${lost}`)
      console.error(rows.at(-1))
      facts[name] = { gapsMs, p99, lostShare }
    }
    rows.push(await probeCost(alice))
  } finally {
    await lab.stop()
  }
  return { rows, facts }
}

async function pairOf(lab: Lab): Promise<readonly [Member, Member]> {
  const [hub, other, alice, bob] = ['hub', 'other', 'alice', 'bob'].map(
    (name) => new Member(lab.host(name)),
  )
  await hub!.init()
  await hub!.run()
  const token = await hub!.createToken('--uses', '3')
  for (const member of [other!, alice!, bob!]) {
    await member.join(token)
    await member.run()
  }
  return [alice!, bob!]
}

async function gapsOf(
  lab: Lab,
  [alice, bob]: readonly [Member, Member],
  way: Way,
  rounds: number,
): Promise<{ readonly gapsMs: readonly number[]; readonly lostShare: number }> {
  await Promise.all([
    alice.reaches('bob', 'direct', 60_000),
    bob.reaches('alice', 'direct', 60_000),
  ])
  const address = (await alice.peer('bob')).addresses[0] ?? ''
  const traffic = Traffic.start(alice.host, bob.host, { address })
  const spans: (readonly [number, number])[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      await sleep(REST_MS)
      const cutAt = Date.now()
      await way.cut(lab)
      await sleep(CUT_MS)
      spans.push([cutAt, Date.now()])
      await way.heal(lab)
      // One of a pair may be direct again before the other one.
      await alice.reaches('bob', 'direct', 60_000)
      await bob.reaches('alice', 'direct', 60_000)
    }
  } finally {
    await way.heal(lab).catch(() => undefined)
  }
  const report = await traffic.stop()
  const gapsMs = spans.map(([from, to]) => report.longestGapMs(from, to))
  return { gapsMs, lostShare: report.lost / report.sent }
}

const COST_MS = 20_000

/** Bytes on the wire in both directions that are neither WireGuard's nor relayed, a second. */
async function probeCost(alice: Member): Promise<string> {
  const probes = async () => {
    const capture = await alice.host.capture('any', 'udp and udp[8:4] = 0x6d677001')
    await sleep(COST_MS)
    const { packets } = await capture.stop()
    const bytes = packets.reduce((sum, { line }) => {
      const length = /length (\d+)/.exec(line)?.[1]
      // IPv4 and UDP headers.
      return sum + (length === undefined ? 0 : Number(length) + 28)
    }, 0)
    return (bytes / (COST_MS / 1000)).toFixed(0)
  }
  const idle = await probes()
  const address = (await alice.peer('bob')).addresses[0] ?? ''
  const ping = alice.host.spawn(['ping', '-i', '0.2', address], { log: 'cost.log' })
  const busy = await probes()
  ping.kill('SIGINT')
  return `probes of a host with 3 peers: ${idle} B/s while all are idle, ${busy} B/s with traffic to one`
}
