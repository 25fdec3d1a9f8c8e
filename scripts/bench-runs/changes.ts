// SPDX-License-Identifier: Apache-2.0
/** How soon a direct path is left that gets worse, and what that costs: a datagram every 10 ms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { clearBetween, leadRound, leadStraight, loseBetween } from '../../netns-lab/pair-weather.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { type BenchResult, percentile, spread } from './figures.ts'

/** So long that no path is held because it comes and goes. */
const REST_MS = 10_500
const LASTS_MS = 1_000
const HOMES = ['home-a', 'home-b'] as const

type Happens = (lab: Lab) => Promise<() => Promise<unknown>>

const CHANGES: Readonly<Record<string, Happens>> = {
  'direct path loses 20 %': async (lab) => {
    await loseBetween(lab, HOMES, 20)
    return () => clearBetween(lab)
  },
  'direct path takes 150 ms more': async (lab) => {
    await leadRound(lab, HOMES, 'round')
    return () => leadStraight(lab)
  },
}

/** `rounds`: times that each thing happens. */
export async function benchChanges(rounds: number): Promise<BenchResult> {
  const rows: string[] = []
  const facts: Record<string, unknown> = {}
  const place = await begin()
  try {
    for (const [name, happens] of Object.entries(CHANGES)) {
      const figures = await roundsOf(place, happens, rounds)
      const { gapsMs, lost, movedMs } = figures
      const p99 = percentile(gapsMs, 99)
      const moved = `left in ${spread(movedMs)} ms; lost ${spread(lost)} datagrams`
      rows.push(`${name}, ${rounds} times: ${moved}; gap ${spread(gapsMs)} ms, p99 ${p99} ms`)
      console.error(rows.at(-1))
      facts[name] = { ...figures, p99 }
    }
  } finally {
    await place.lab.stop()
  }
  return { rows, facts }
}

interface Place {
  readonly lab: Lab
  readonly alice: Member
  readonly bob: Member
}

async function begin(): Promise<Place> {
  const kind = 'port-restricted'
  const lab = await startLab({
    name: 'bench-changes',
    hosts: {
      hub: {},
      other: {},
      round: { link: { delayMs: 75 } },
      alice: { behind: HOMES[0] },
      bob: { behind: HOMES[1] },
    },
    nats: { [HOMES[0]]: { kind }, [HOMES[1]]: { kind } },
  })
  const join = async (name: string, token: string) => {
    const member = new Member(lab.host(name))
    await member.join(token)
    await member.run()
    return member
  }
  const hub = new Member(lab.host('hub'))
  await hub.init()
  await hub.run()
  const token = await hub.createToken('--uses', '3')
  await join('other', token)
  return { lab, alice: await join('alice', token), bob: await join('bob', token) }
}

interface Figures {
  readonly gapsMs: number[]
  readonly lost: number[]
  /** How long it took until traffic had moved. */
  readonly movedMs: number[]
}

async function roundsOf({ lab, alice, bob }: Place, happens: Happens, rounds: number) {
  const both = (kind: string) =>
    Promise.all([alice.reaches('bob', kind, 120_000), bob.reaches('alice', kind, 120_000)])
  const figures: Figures = { gapsMs: [], lost: [], movedMs: [] }
  for (let round = 0; round < rounds; round++) {
    await both('direct')
    await alice.host.waitFor(async () => (await alice.peer('bob')).backups.length > 0, {
      deadlineMs: 60_000,
      what: 'a backup',
    })
    const address = (await alice.peer('bob')).addresses[0] ?? ''
    const traffic = Traffic.start(alice.host, bob.host, { address })
    await sleep(REST_MS)
    const from = Date.now()
    const undo = await happens(lab)
    try {
      await both('relay')
      figures.movedMs.push(Date.now() - from)
      await sleep(LASTS_MS)
    } finally {
      await undo()
    }
    const to = Date.now()
    await both('direct')
    const report = await traffic.stop()
    figures.gapsMs.push(report.longestGapMs(from, to))
    figures.lost.push(report.lost)
  }
  return figures
}
