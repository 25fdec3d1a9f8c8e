// SPDX-License-Identifier: Apache-2.0
/** One scenario for all pairs of a lab: the longest time without an answer each time that it happens, a datagram every 10 ms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Traffic } from '../../netns-lab/traffic.ts'
import type { Outcome } from './failover-outcome.ts'
import {
  type Mesh,
  type MeshgatePair,
  otherOf,
  settled,
  startAnew,
  type Setting,
} from './failover-pairs.ts'
import type { Scenario } from './failover-scenarios.ts'

/** So long have both hosts been in order before the next time that no path is held because it comes and goes. */
const REST_MS = 10_500
/** No gap should be longer: what hosts say of those that are is told. */
const AIM_MS = 500

const TIMES = 50

/** For each pair: at least fifty times in all. */
export const roundsOf = ({ pairCount }: Setting): number => Math.ceil(TIMES / pairCount)

type Counts = Pick<Outcome, 'gapsMs' | 'sent' | 'lost'>

/** `rounds`: for each pair. What a pair that gets stuck had until then counts, and the trouble is told. */
export async function suffer(
  mesh: Mesh,
  scenario: Scenario,
  rounds = roundsOf(mesh.setting),
): Promise<{ readonly outcome: Outcome; readonly troubles: readonly unknown[] }> {
  const { title, together, restMs = REST_MS, lastsMs } = scenario
  const groups = together === true ? [mesh.pairs] : mesh.pairs.map((pair) => [pair])
  const counts: Counts[] = []
  await reconfigure(mesh, scenario.config)
  const rows = await Promise.allSettled(
    groups.map(async (group, i) => {
      // One after the other.
      await sleep((i * (restMs + lastsMs)) / groups.length)
      if (scenario.anew !== true) return inARow(mesh, group, scenario, rounds, counts)
      for (let round = 0; round < rounds; round++) {
        if (round > 0) await Promise.all(group.map(startAnew))
        await inARow(mesh, group, scenario, 1, counts)
      }
    }),
  )
  if (scenario.config !== undefined) await reconfigure(mesh, '')
  const sum = (key: 'sent' | 'lost') => counts.reduce((total, one) => total + one[key], 0)
  const gapsMs = counts.flatMap((one) => one.gapsMs)
  return {
    outcome: { what: 'meshgate', title, gapsMs, sent: sum('sent'), lost: sum('lost') },
    troubles: rows.flatMap((row) => (row.status === 'rejected' ? [row.reason as unknown] : [])),
  }
}

async function reconfigure({ pairs }: Mesh, config: string | undefined): Promise<void> {
  if (config === undefined) return
  for (const member of pairs.flatMap(({ alice, bob }) => [alice, bob])) {
    await member.configure(config)
    await member.do(['reload'])
  }
}

interface Span {
  readonly from: number
  readonly to: number
  readonly concerns: readonly MeshgatePair[]
}

async function inARow(
  mesh: Mesh,
  group: readonly MeshgatePair[],
  scenario: Scenario,
  rounds: number,
  counts: Counts[],
): Promise<void> {
  const inOrder = () => Promise.all(group.map((pair) => settled(mesh.setting, pair)))
  await inOrder()
  const traffics = await Promise.all(
    group.map(async (pair) => {
      const address = (await otherOf(pair.alice, pair.bob)).addresses[0] ?? ''
      return { pair, traffic: Traffic.start(pair.alice.host, pair.bob.host, { address }) }
    }),
  )
  const spans: Span[] = []
  try {
    // Where not all pairs are concerned each time it takes more of them.
    const wanted = rounds * group.length
    for (let times = 0, round = 0; times < wanted && round < 3 * rounds; round++) {
      if (round > 0) await inOrder()
      const span = await once(mesh, group, scenario)
      spans.push(span)
      times += span.concerns.length
    }
  } finally {
    for (const { pair, traffic } of traffics) counts.push(await counted(traffic, pair, spans))
  }
}

async function once(mesh: Mesh, group: readonly MeshgatePair[], scenario: Scenario): Promise<Span> {
  await sleep(scenario.restMs ?? REST_MS)
  const from = Date.now()
  const undo = await scenario.happen(mesh, group[0]!)
  await sleep(scenario.lastsMs)
  const to = Date.now()
  await undo()
  const time = new Date(from).toISOString().slice(11, 19)
  console.error(`  ${time} ${scenario.title}: ${group.map(({ name }) => name).join(', ')}`)
  return { from, to, concerns: undo.concerns ?? group }
}

async function counted(
  traffic: Traffic,
  pair: MeshgatePair,
  spans: readonly Span[],
): Promise<Counts> {
  const report = await traffic.stop()
  const gapsMs: number[] = []
  for (const span of spans.filter(({ concerns }) => concerns.includes(pair))) {
    const gapMs = report.longestGapMs(span.from, span.to)
    gapsMs.push(gapMs)
    if (gapMs > AIM_MS) console.error(await tell(pair, gapMs, span).catch(String))
  }
  return { gapsMs, sent: report.sent, lost: report.lost }
}

/** What both hosts say of a gap that took too long. */
async function tell({ alice, bob }: MeshgatePair, gapMs: number, { from, to }: Span) {
  const lines = await Promise.all(
    [alice, bob].map(async (member) => {
      const events = (await member.events()).filter(({ time }) => {
        const at = Date.parse(time)
        return at >= from - 1_000 && at <= to + 1_000
      })
      return events.map((event) => {
        const after = Date.parse(event.time) - from
        return `  ${member.name} ${after} ms after it happened: ${JSON.stringify(event)}`
      })
    }),
  )
  return [`${gapMs} ms:`, ...lines.flat()].join('\n')
}
