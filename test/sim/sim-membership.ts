// SPDX-License-Identifier: Apache-2.0
/**
 * What SWIM does for a large group, in virtual time from a seed:
 *
 *     scripts/sim-membership [--members 1000] [--loss 0.05] [--minutes 60] [--deaths 20] [--seed 1]
 */
import { parseArgs } from 'node:util'
import { keepMeasured } from '../../scripts/measured.ts'
import { SeededRandom } from './seeded-random.ts'
import { SwimWorld } from './swim-world.ts'

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    loss: { type: 'string', default: '0.05' },
    minutes: { type: 'string', default: '60' },
    deaths: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
})
const members = Number(values.members)
const lossRate = Number(values.loss)
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const startedMs = performance.now()

const world = new SwimWorld({ members, lossRate, seed })
world.run(minutes * 60_000)
const seconds = world.nowMs / 1000
const falsely = world.beliefs.filter(({ life, isUp }) => life === 'failed' && isUp)
const doubts = world.beliefs.filter(({ life, isUp }) => life === 'suspect' && isUp)
const perSecond = world.bytes / members / seconds

/** Members die one after the other; the living are asked when each of them knew. */
const random = new SeededRandom(seed, 'deaths')
const first: number[] = []
const everybody: number[] = []
const dead = new Set<string>()
for (let i = 0; i < Number(values.deaths); i++) {
  const victim = random.pick(world.addresses.filter((address) => !dead.has(address)))
  const from = world.beliefs.length
  const diedAt = world.nowMs
  dead.add(victim)
  world.kill(victim)
  world.run(90_000)
  const known = world.beliefs
    .slice(from)
    .filter(({ member, life, by }) => member === victim && life === 'failed' && !dead.has(by))
    .map(({ atMs }) => atMs - diedAt)
  first.push(Math.min(...known))
  everybody.push(known.length < members - dead.size ? Infinity : Math.max(...known))
}

const inS = (ms: number | undefined) => (ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`)
const quantile = (list: number[], share: number) =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(share * list.length))]
const distribution = (list: number[]) =>
  [0.5, 0.9, 0.99].map((share) => `p${share * 100} ${inS(quantile(list, share))}`).join(', ')

const result = `${members} members, loss ${lossRate * 100} %, ${minutes} min of virtual time, seed ${seed}
living members taken for failed   ${falsely.length} (by ${new Set(falsely.map(({ by }) => by)).size} members)
living members doubted            ${new Set(doubts.map(({ member, atMs }) => `${member} ${Math.floor(atMs / 30_000)}`)).size} times, ${doubts.length} beliefs
bytes a member a second           ${perSecond.toFixed(0)} (${(world.messages / members / seconds).toFixed(2)} datagrams, UDP and IP heads counted)
death known to the first          ${distribution(first)}
death known to everybody          ${distribution(everybody)}
datagrams by kind                 ${[...world.byType].map(([type, count]) => `${type} ${count}`).join(', ')}
`
process.stdout.write(`${result}took ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`)
keepMeasured(['scripts/sim-membership', ...process.argv.slice(2)].join(' '), result)
