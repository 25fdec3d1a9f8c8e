// SPDX-License-Identifier: Apache-2.0
/** What can happen to a network, one thing at a time. Two hubs are never gone at once: some pairs have no other way. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'

export type Names = readonly ['hub', 'other', 'alice', 'bob', 'carol', 'dave']

/** A whole number from 0 to below the bound. */
export type Random = (below: number) => number

const HOMES = ['alice', 'bob', 'carol', 'dave'] as const
const ALL = ['hub', 'other', ...HOMES] as const

type Members = ReadonlyMap<string, Member>
type Disturbance = (lab: Lab, members: Members, random: Random) => Promise<string>

const pick = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!

const cut: Disturbance = async (lab, _, random) => {
  const one = pick(HOMES, random)
  const other = pick(
    [...HOMES, 'hub' as const].filter((name) => name !== one),
    random,
  )
  const pair = [`home-${one}`, other === 'hub' ? other : `home-${other}`] as const
  await lab.set('internet', { cuts: [pair] })
  return `cut between ${pair.join(' and ')}`
}

const mend: Disturbance = async (lab) => {
  await heal(lab)
  return 'all links are whole'
}

const lose: Disturbance = async (lab, _, random) => {
  const [name, lossPercent] = [pick(HOMES, random), 2 + random(15)]
  await lab.set(`wan-${name}`, { lossPercent })
  return `${name} loses ${lossPercent} %`
}

const drop: Disturbance = async (lab, _, random) => {
  const name = pick(HOMES, random)
  await lab.set(`wan-${name}`, { dropWireguard: true })
  return `${name}'s network drops WireGuard`
}

const reboot: Disturbance = async (lab, _, random) => {
  const name = pick(HOMES, random)
  await lab.set(`home-${name}`, { reboot: true })
  return `${name}'s NAT restarts`
}

const killAgent: Disturbance = async (_, members, random) => {
  const name = pick(ALL, random)
  const member = members.get(name)!
  member.process.kill('SIGKILL')
  await member.process.exit
  await sleep(random(4_000))
  // What happens next does not wait for it.
  member.start()
  return `${name}'s agent was killed, and starts again`
}

const killHelper: Disturbance = async (_, members, random) => {
  const name = pick(ALL, random)
  const supervisor = '$(pgrep --ns $$ --nslist net -o -x meshgate-helper)'
  await members.get(name)!.host.run(['sh', '-c', `pkill -KILL -P ${supervisor}`])
  return `${name}'s helper was killed`
}

const DISTURBANCES = [cut, cut, mend, lose, drop, reboot, killAgent, killHelper] as const

/** Does one thing, and tells it. */
export function disturb(lab: Lab, members: Members, random: Random): Promise<string> {
  return pick(DISTURBANCES, random)(lab, members, random)
}

export async function heal(lab: Lab): Promise<void> {
  await lab.set('internet', { cuts: [] })
  for (const name of HOMES) await lab.set(`wan-${name}`, { lossPercent: 0, dropWireguard: false })
}
