// SPDX-License-Identifier: Apache-2.0
/** Traffic that goes on while everything around it breaks and heals. See scripts/soak --help. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lab, withLab } from '../netns-lab/lab.ts'
import { Member } from '../netns-lab/member.ts'
import { Traffic } from '../netns-lab/traffic.ts'
import { TRAFFIC_MARK } from '../netns-lab/udp-traffic-mark.ts'
import { readArguments } from './arguments.ts'
import { pidIn } from './bench-runs/process-id.ts'
import { disturb, heal, type Names, type Random } from './soak-parts/disturbances.ts'

const { values } = readArguments({
  options: { minutes: { type: 'string' }, seed: { type: 'string' } },
})
const minutes = Number(values.minutes ?? 30)
const seed = Number(values.seed ?? randomInt(1_000_000))
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('soak: --minutes and --seed take numbers')
  process.exit(2)
}

const SILENT_MS_MAX = 120_000
/** Of resident memory, from a quarter of the time to the end. */
const GROWTH_MAX = 1.3
const NAMES: Names = ['hub', 'other', 'alice', 'bob', 'carol', 'dave']
const PAIRS = [
  ['alice', 'bob'],
  ['bob', 'carol'],
  ['carol', 'dave'],
  ['dave', 'alice'],
] as const

const started = performance.now()
const say = (line: string) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}`)

console.log(`seed ${seed}, ${minutes} minutes`)
await withLab(
  {
    name: 'soak',
    hosts: {
      hub: {},
      other: {},
      alice: { behind: 'home-alice' },
      bob: { behind: 'home-bob' },
      carol: { behind: 'home-carol' },
      dave: { behind: 'home-dave' },
    },
    nats: {
      'home-alice': { kind: 'port-restricted', link: { name: 'wan-alice' } },
      'home-bob': { kind: 'port-restricted', link: { name: 'wan-bob' } },
      'home-carol': { kind: 'full-cone', link: { name: 'wan-carol' } },
      'home-dave': { kind: 'symmetric', link: { name: 'wan-dave' } },
    },
  },
  soak,
)

async function soak(lab: Lab): Promise<void> {
  const members = new Map(NAMES.map((name) => [name, new Member(lab.host(name))]))
  const of = (name: string) => members.get(name as (typeof NAMES)[number])!
  await of('hub').init()
  await of('hub').run()
  const token = await of('hub').createToken('--uses', '5')
  for (const name of NAMES.slice(1)) {
    await of(name).join(token)
    await of(name).run()
  }
  const capture = await lab.host('internet').capture('any', 'udp')
  const flows = []
  for (const [index, [from, to]] of PAIRS.entries()) {
    const address = (await of(from).peer(to)).addresses[0] ?? ''
    const port = 9_900 + index
    const flow = Traffic.start(of(from).host, of(to).host, { address, paceMs: 100, port })
    flows.push({ name: `${from} to ${to}`, flow })
  }
  say('all members run, traffic flows')
  const random = seeded(seed)
  const endMs = performance.now() + minutes * 60_000
  let early: Map<string, number> | undefined
  while (performance.now() < endMs) {
    say(await disturb(lab, members, random))
    await sleep(3_000 + random(7_000))
    if (early === undefined && performance.now() > endMs - minutes * 45_000)
      early = await memories(members)
  }
  await heal(lab)
  await sleep(20_000)
  const broken: string[] = []
  for (const { name, flow } of flows) {
    const report = await flow.stop()
    const gapMs = report.longestGapMs()
    say(`${name}: ${report.lost} of ${report.sent} lost, longest gap ${gapMs} ms`)
    if (gapMs > SILENT_MS_MAX) broken.push(`${name}: ${gapMs} ms without an answer`)
  }
  await capture.end()
  if (readFileSync(capture.pcapFile).includes(TRAFFIC_MARK))
    broken.push('plain text on the internet')
  for (const [key, before] of early ?? []) {
    const now = (await memories(members)).get(key) ?? before
    say(`${key}: ${before.toFixed(0)} MB, then ${now.toFixed(0)} MB`)
    // A process that was started again in between may be in another phase of its life.
    if (now > before * GROWTH_MAX && now > before + 15) broken.push(`${key} grows`)
  }
  for (const member of members.values()) broken.push(...(await leftovers(member)))
  if (broken.length === 0) return say('nothing is broken')
  throw new Error(`seed ${seed}: ${broken.join('; ')}`)
}

/** Resident MB, by member and process. */
async function memories(members: ReadonlyMap<string, Member>): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const [name, { host }] of members)
    for (const program of ['meshgate-agent', 'meshgate-helper']) {
      // One that was killed a moment ago has no memory to speak of.
      const pid = await pidIn(host, program).catch(() => undefined)
      if (pid === undefined) continue
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      found.set(`${name} ${program}`, Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
    }
  return found
}

/** What is left when agent and helper have stopped. */
async function leftovers(member: Member): Promise<string[]> {
  await member.try(['stop'])
  const links = await member.host.run(['ip', '-br', 'link'])
  const routes = await member.host.run(['ip', 'route', 'show', 'proto', '77'])
  const left = links.includes('meshgate0') ? [`${member.name}: the device is left over`] : []
  return routes.trim() === '' ? left : [...left, `${member.name}: routes are left over`]
}

/** mulberry32: the same seed gives the same numbers, below the bound. */
function seeded(from: number): Random {
  let state = from
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
