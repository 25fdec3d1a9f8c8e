// SPDX-License-Identifier: Apache-2.0
/** Three programs at once on the same hosts, behind the same NATs, and the same cuts for all of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import type { Outcome } from './failover-outcome.ts'
import { type MeshgatePair, otherOf, runMeshgate, settled, startPairs } from './failover-pairs.ts'
import { type Node, type Rival, RIVALS } from './failover-rivals.ts'
import { roundsOf } from './failover-rounds.ts'
import { cut } from './failover-scenarios.ts'

/** Longer than any of them takes to notice. */
const CUT_MS_MAX = 60_000
/** A node of nebula tells its lighthouse every 10 s of the relay that it has learned of. */
const ARMED_MS = 12_000
const DIRECT_WITHIN_MS = 60_000
const SECOND_MS = 1_000
const SETTING = { carries: 'direct', pairCount: 6 } as const

/** A program, and how the two of a pair see each other in it. */
interface Tunnel {
  readonly what: string
  /** The second host's address in it. */
  readonly address: string
  /** That its packets leave the first host by. */
  readonly port: number
}

/** What one program made of one cut. */
interface Share {
  readonly what: string
  /** Whether its packets went straight to the other's NAT before the cut, and not over a hub or another's tunnel. */
  readonly straight: boolean
  readonly gapMs: number
  readonly sent: number
  readonly lost: number
}

/** Each program's outcome is noted even when a pair got stuck; what went wrong is thrown afterwards. */
export async function besideOutcomes(
  rounds = roundsOf(SETTING),
  note: (name: string, outcome: Outcome) => void,
): Promise<void> {
  const lab = await startPairs('bench-beside', SETTING)
  try {
    const { pairs } = await runMeshgate(lab, SETTING)
    const names = ['hub', ...pairs.flatMap(({ alice, bob }) => [alice.name, bob.name])]
    const shares: Share[] = []
    const networks = await Promise.all(
      Object.entries(RIVALS).map(async ([what, setUp], i) => {
        const nodes = names.map((name, j) => ({
          host: lab.host(name),
          address: `10.${98 + i}.0.${j + 1}`,
        }))
        return { what, nodes, rival: await setUp(nodes) }
      }),
    )
    const rows = await Promise.allSettled(
      pairs.map(async (pair, i) => {
        await sleep(i * 2 * SECOND_MS)
        const rivals = networks.map(({ what, nodes, rival }) => {
          const [hub, alice, bob] = [nodes[0]!, nodes[2 * i + 1]!, nodes[2 * i + 2]!]
          return { what, rival, hub, alice, bob }
        })
        for (let round = 0; round < rounds; round++)
          shares.push(...(await cutOnce(lab, pair, rivals)))
      }),
    )
    for (const what of ['meshgate', ...Object.keys(RIVALS)])
      note(`beside-${what}`, outcomeOf(what, shares))
    const troubles = rows.flatMap((row) =>
      row.status === 'rejected' ? [row.reason as unknown] : [],
    )
    if (troubles.length > 0) throw new AggregateError(troubles, 'not all pairs came to the end')
  } finally {
    await lab.stop()
  }
}

function outcomeOf(what: string, all: readonly Share[]): Outcome {
  const shares = all.filter((share) => share.what === what)
  const straight = shares.filter((share) => share.straight)
  return {
    what,
    title: `three programs side by side, direct path cut both ways (direct before in ${straight.length} of ${shares.length})`,
    gapsMs: straight.map(({ gapMs }) => gapMs),
    sent: shares.reduce((sum, { sent }) => sum + sent, 0),
    lost: shares.reduce((sum, { lost }) => sum + lost, 0),
  }
}

interface RivalPair {
  readonly what: string
  readonly rival: Rival
  readonly hub: Node
  readonly alice: Node
  readonly bob: Node
}

async function cutOnce(
  lab: Lab,
  pair: MeshgatePair,
  rivals: readonly RivalPair[],
): Promise<readonly Share[]> {
  const { host } = pair.alice
  await Promise.all(rivals.map(begin))
  await settled(SETTING, pair)
  const tunnels = await tunnelsOf(pair, rivals)
  const traffics = tunnels.map(({ address }, i) =>
    Traffic.start(host, pair.bob.host, { address, port: 9_000 + i }),
  )
  try {
    await host
      .waitFor(async () => (await straightOnes(lab, pair, tunnels)).length === tunnels.length, {
        deadlineMs: DIRECT_WITHIN_MS,
        what: 'all three are direct',
      })
      // Those that are count; which they are is seen once more below.
      .catch(() => undefined)
    await Promise.all(rivals.flatMap(({ rival, alice, bob }) => [rival.arm(alice), rival.arm(bob)]))
    await sleep(ARMED_MS)
    const straight = await straightOnes(lab, pair, tunnels)
    const from = Date.now()
    const heal = await cut(lab, pair)
    const mended = await Promise.all(tunnels.map(({ address }) => answersAgain(host, address)))
    const to = Date.now()
    const reports = await Promise.all(traffics.map((traffic) => traffic.stop()))
    await heal()
    const shares = reports.map((report, i) => {
      const what = tunnels[i]?.what ?? ''
      const gapMs = mended[i] === true ? report.longestGapMs(from, to) : CUT_MS_MAX
      const { sent, lost } = report
      return { what, straight: straight.includes(what), gapMs, sent, lost }
    })
    const time = new Date(from).toISOString().slice(11, 19)
    const told = shares.map(
      (one) => `${one.what} ${one.straight ? '' : '(not direct) '}${one.gapMs} ms`,
    )
    console.error(`  ${time} ${pair.name} cut: ${told.join(', ')}`)
    return shares
  } finally {
    // A pair that got stuck does not keep its programs.
    await Promise.allSettled(traffics.map((traffic) => traffic.stop()))
  }
}

/** Both hosts' program anew, until they answer each other. */
async function begin({ what, rival, hub, alice, bob }: RivalPair): Promise<void> {
  await Promise.all([alice, bob].map((node) => rival.restart(node)))
  // tinc's hub tells of the addresses at which it has seen others by UDP, which they must have spoken to it by.
  for (const { host } of [alice, bob])
    await host.waitFor(async () => (await host.exec(ping(hub.address, 3))).code === 0, {
      deadlineMs: DIRECT_WITHIN_MS,
      what: `the hub answers over ${what}`,
    })
  await alice.host.waitFor(async () => (await alice.host.exec(ping(bob.address))).code === 0, {
    deadlineMs: DIRECT_WITHIN_MS,
    what: `${bob.host.name} answers over ${what}`,
  })
}

const ping = (address: string, count = 1) => ['ping', '-q', '-c', `${count}`, '-W', '1', address]

async function tunnelsOf({ alice, bob }: MeshgatePair, rivals: readonly RivalPair[]) {
  const { self } = await alice.peek()
  const address = (await otherOf(alice, bob)).addresses[0] ?? ''
  const own: Tunnel = { what: 'meshgate', address, port: self.listenPort }
  const others = rivals.map(({ what, rival, bob: other }) => {
    return { what, address: other.address, port: rival.port }
  })
  return [own, ...others]
}

/** Programs by whose ports the traffic leaves the first host for the second one's NAT. */
async function straightOnes(
  lab: Lab,
  { alice, homes }: MeshgatePair,
  tunnels: readonly Tunnel[],
): Promise<readonly string[]> {
  const far = lab.host(homes[1]).address
  const capture = await alice.host.capture('eth0', `udp and dst host ${far} and greater 200`)
  await sleep(SECOND_MS)
  const { packets } = await capture.stop()
  return tunnels.flatMap(({ what, port }) => {
    const own = packets.filter(({ line }) => line.includes(`.${port} > `))
    return own.length > SECOND_MS / 20 ? [what] : []
  })
}

/** A program that has not noticed the cut yet does not answer either. */
async function answersAgain(host: LabHost, address: string): Promise<boolean> {
  const deadline = Date.now() + CUT_MS_MAX
  while (Date.now() < deadline) {
    await sleep(SECOND_MS)
    if ((await host.exec(ping(address))).code === 0) return true
  }
  return false
}
