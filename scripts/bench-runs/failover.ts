// SPDX-License-Identifier: Apache-2.0
/** What a path that dies costs: the longest time without an answer around each of many cuts, a datagram every 10 ms. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { keepOutcome, type Outcome, outcomeRow } from './failover-outcome.ts'
import { type MeshgatePair, runMeshgate, settled, startAnew, startPairs } from './failover-pairs.ts'
import { RIVALS, rivalOutcome } from './failover-rivals.ts'
import { SCENARIOS, type Scenario } from './failover-scenarios.ts'
import type { BenchResult } from './figures.ts'

/** So long have both hosts been direct again before the next cut that no path is held because it comes and goes. */
const REST_MS = 10_500
/** No gap should be longer: what hosts say of those that are is told. */
const AIM_MS = 500
/** Some of the slowest probes of an idle path. */
const COST_MS = 60_000
const REST_WITHIN_MS = 300_000

/** All that `--scenario` takes. */
export const FAILOVER_SCENARIOS = [...Object.keys(SCENARIOS), ...RIVALS, 'probe-cost']

/** `rounds`: for each of the five pairs. Each outcome is kept in docs/, beside those of earlier runs. */
export async function benchFailover(rounds: number, only?: string): Promise<BenchResult> {
  const facts: Record<string, Outcome> = {}
  for (const name of FAILOVER_SCENARIOS) {
    if (only !== undefined && name !== only) continue
    const outcome = await outcomeOf(name, rounds)
    facts[name] = outcome
    console.error(outcomeRow(outcome))
    keepOutcome(name, outcome)
  }
  return { rows: Object.values(facts).map(outcomeRow), facts }
}

async function outcomeOf(name: string, rounds: number): Promise<Outcome> {
  const rival = RIVALS.find((one) => one === name)
  if (rival !== undefined) return rivalOutcome(rival)
  const scenario = SCENARIOS[name]
  const lab = await startPairs('bench-failover', scenario)
  try {
    const pairs = await runMeshgate(lab, scenario?.config)
    await Promise.all(pairs.map((pair) => settled(pair, scenario)))
    if (scenario === undefined) return await probeCost(pairs)
    return await suffer(lab, pairs, scenario, rounds)
  } finally {
    await lab.stop()
  }
}

async function suffer(
  lab: Lab,
  pairs: readonly MeshgatePair[],
  scenario: Scenario,
  rounds: number,
): Promise<Outcome> {
  const inARow = scenario.inARow ?? rounds
  const rows = await Promise.all(
    pairs.map(async (pair, i) => {
      // One after the other.
      await sleep((i * (REST_MS + scenario.lastsMs)) / pairs.length)
      const parts: Part[] = []
      for (let done = 0; done < rounds; done += inARow) {
        if (done > 0) await startAnew(pair)
        await settled(pair, scenario)
        parts.push(await sufferInARow(lab, pair, scenario, Math.min(inARow, rounds - done)))
      }
      return parts
    }),
  )
  const parts = rows.flat()
  return {
    what: 'meshgate',
    title: scenario.title,
    gapsMs: parts.flatMap(({ gapsMs }) => gapsMs),
    sent: parts.reduce((sum, { sent }) => sum + sent, 0),
    lost: parts.reduce((sum, { lost }) => sum + lost, 0),
  }
}

type Part = Pick<Outcome, 'gapsMs' | 'sent' | 'lost'>

async function sufferInARow(
  lab: Lab,
  pair: MeshgatePair,
  scenario: Scenario,
  rounds: number,
): Promise<Part> {
  const { alice, bob } = pair
  const address = (await alice.peer(bob.name)).addresses[0] ?? ''
  const traffic = Traffic.start(alice.host, bob.host, { address })
  const spans: (readonly [number, number])[] = []
  for (let round = 0; round < rounds; round++) {
    if (round > 0) await settled(pair, scenario)
    await sleep(REST_MS)
    const from = Date.now()
    await scenario.happen(lab, pair)
    await sleep(scenario.lastsMs)
    spans.push([from, Date.now()])
    await scenario.mend(lab, pair)
  }
  const report = await traffic.stop()
  const gapsMs = spans.map(([from, to]) => report.longestGapMs(from, to))
  for (const [i, gapMs] of gapsMs.entries()) {
    if (gapMs > AIM_MS) console.error(await tell(pair, gapMs, spans[i]!))
  }
  return { gapsMs, sent: report.sent, lost: report.lost }
}

/** What both hosts say of a gap that took too long. */
async function tell(
  { alice, bob }: MeshgatePair,
  gapMs: number,
  [from, to]: readonly [number, number],
): Promise<string> {
  const lines = await Promise.all(
    [alice, bob].map(async (member) => {
      const events = (await member.events()).filter(({ time }) => {
        const at = Date.parse(time)
        return at >= from - 1_000 && at <= to + 1_000
      })
      return events.map((event) => {
        const after = Date.parse(event.time) - from
        return `  ${member.name} ${after} ms after the cut: ${JSON.stringify(event)}`
      })
    }),
  )
  return [`${gapMs} ms:`, ...lines.flat()].join('\n')
}

/** Probes on their own, and in a frame for a hub. */
const PROBES = 'udp[8:4] = 0x6d677001 or udp[48:4] = 0x6d677001'

/** Bytes of probes on the wire, in both directions, IP and UDP headers included; those over hubs with their frames. */
async function probeCost(pairs: readonly MeshgatePair[]): Promise<Outcome> {
  const { alice, bob } = pairs[0]!
  const peers = (await alice.status()).peers.length
  const idle = await probeBytesAtRest(alice)
  const address = (await alice.peer(bob.name)).addresses[0] ?? ''
  const ping = alice.host.spawn(['ping', '-i', '0.2', address], { log: 'cost.log' })
  const busy = await probeBytes(alice)
  ping.kill('SIGINT')
  const perIdlePeer = idle / peers
  const [one, other] = [perIdlePeer.toFixed(1), (busy - idle + perIdlePeer).toFixed(0)]
  const title = `probes, minutes after the start: ${one} B/s an idle peer, ${other} B/s a peer with traffic (of ${peers} peers)`
  return { what: 'meshgate', title, gapsMs: [], sent: 0, lost: 0 }
}

/** Paths that have just come up are asked often, and candidates that never answer for a while. */
async function probeBytesAtRest(member: Member): Promise<number> {
  const deadline = performance.now() + REST_WITHIN_MS
  for (let last = Infinity; ; ) {
    const bytes = await probeBytes(member)
    // A window holds a probe of a slow path more or less than the next one.
    if (bytes >= 0.8 * last) return Math.min(bytes, last)
    if (performance.now() > deadline) throw new Error('the probes of an idle host did not rest')
    last = bytes
  }
}

async function probeBytes(member: Member): Promise<number> {
  const capture = await member.host.capture('any', PROBES)
  await sleep(COST_MS)
  const { packets } = await capture.stop()
  const bytes = packets.reduce((sum, { line }) => {
    const length = /length (\d+)/.exec(line)?.[1]
    // IPv4 and UDP headers.
    return sum + (length === undefined ? 0 : Number(length) + 28)
  }, 0)
  return bytes / (COST_MS / 1000)
}
