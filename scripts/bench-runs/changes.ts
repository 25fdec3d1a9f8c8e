// SPDX-License-Identifier: Apache-2.0
/** What it costs when a hub, a server, an uplink or a NAT's memory goes, or a path gets worse: a datagram every 10 ms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import { type BenchResult, percentile, spread } from './figures.ts'
import { GAP_SCENES, type Happening, type Place, type Scene } from './gap-scenes.ts'

/** So long that no path is held because it comes and goes. */
const REST_MS = 10_500

/** `rounds`: times that each thing happens. */
export async function benchChanges(rounds: number): Promise<BenchResult> {
  const rows: string[] = []
  const facts: Record<string, unknown> = {}
  for (const scene of GAP_SCENES) {
    const place = await begin(scene)
    try {
      for (const [name, happening] of Object.entries(scene.happenings)) {
        const figures = await roundsOf(place, happening, rounds)
        const p99 = percentile(figures.gapsMs, 99)
        const lost = `lost ${spread(figures.lost)} datagrams`
        const moved = figures.movedMs.length > 0 ? `; left in ${spread(figures.movedMs)} ms` : ''
        rows.push(
          `${name}, ${rounds} times: gap ${spread(figures.gapsMs)} ms, p99 ${p99} ms; ${lost}${moved}`,
        )
        console.error(rows.at(-1))
        facts[name] = { ...figures, p99 }
      }
    } finally {
      await place.lab.stop()
    }
  }
  return { rows, facts }
}

async function begin({ description, members, config }: Scene): Promise<Place> {
  const lab = await startLab(description)
  const all = members.map((name) => new Member(lab.host(name)))
  for (const one of all) await one.configure(config?.(lab, one.name) ?? '')
  const [founder, ...others] = all
  await founder?.init()
  await founder?.run()
  const token = (await founder?.createToken('--uses', String(others.length))) ?? ''
  for (const one of others) {
    await one.join(token)
    await one.run()
  }
  const member = (name: string) => {
    const found = all.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no member is called ${name}`)
    return found
  }
  return { lab, alice: member('alice'), bob: member('bob'), member }
}

interface Figures {
  readonly gapsMs: number[]
  readonly lost: number[]
  /** How long it took until traffic had moved, where that is waited for. */
  readonly movedMs: number[]
}

async function roundsOf(place: Place, happening: Happening, rounds: number): Promise<Figures> {
  const { alice, bob } = place
  const both = (kind: string) =>
    Promise.all([alice.reaches('bob', kind, 120_000), bob.reaches('alice', kind, 120_000)])
  const figures: Figures = { gapsMs: [], lost: [], movedMs: [] }
  for (let round = 0; round < rounds; round++) {
    await both(happening.kind)
    await alice.host.waitFor(async () => (await alice.peer('bob')).backups.length > 0, {
      deadlineMs: 60_000,
      what: 'a backup',
    })
    const address = (await alice.peer('bob')).addresses[0] ?? ''
    const traffic = Traffic.start(alice.host, bob.host, { address })
    await sleep(REST_MS)
    const from = Date.now()
    const undo = await happening.happens(place)
    try {
      if (happening.meanwhile !== undefined) {
        await both(happening.meanwhile)
        figures.movedMs.push(Date.now() - from)
      }
      await sleep(happening.lastsMs)
    } finally {
      await undo()
    }
    const to = Date.now()
    if (happening.meanwhile !== undefined) await both(happening.kind)
    const report = await traffic.stop()
    figures.gapsMs.push(report.longestGapMs(from, to))
    figures.lost.push(report.lost)
  }
  return figures
}
