// SPDX-License-Identifier: Apache-2.0
/**
 * Ten hosts race for a token of five uses, again and again; in every round but the first the authority's agent is killed among
 * the joins, and started anew. A host whose join was cut off tries again, as a person would, until it is in or is told why not.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { startLab } from '../netns-lab/lab.ts'
import { Member } from '../netns-lab/member.ts'
import { keepMeasured } from './measured.ts'
import { type JoinOutcome, persistentJoin } from '../netns-lab/persistent-join.ts'

const RACERS = 10
const USES = 5
/** A command is at the authority between so many ms after its start. */
const [KILL_MS_MIN, KILL_MS_MAX] = [500, 5_000]

interface Token {
  readonly id: string
  readonly tags: readonly string[]
  readonly used: number
}

interface Listed {
  readonly node: string
  readonly state: string
  readonly token: string | null
  readonly addresses: readonly string[]
}

const rounds = Number(process.argv[2] ?? 10)
const names = Array.from({ length: RACERS }, (_, i) => `racer-${i}`)
const lab = await startLab({
  name: 'token-race',
  hosts: Object.fromEntries(['authority', ...names].map((name) => [name, {}])),
})
const given = new Set<string>()
const cuts = new Map<string, number>()
try {
  const authority = new Member(lab.host('authority'))
  await authority.init()
  await authority.run()
  for (let round = 0; round < rounds; round++) {
    const killAfterMs = KILL_MS_MIN + ((KILL_MS_MAX - KILL_MS_MIN) * round) / rounds
    await race(authority, round, round === 0 ? undefined : killAfterMs)
  }
  const told = [...cuts].map(([code, count]) => `${code} ${count}`).join(', ') || 'none'
  const result = `${rounds} rounds of ${RACERS} hosts for ${USES} uses, the authority killed in ${rounds - 1}: ${given.size} admitted, no address twice
attempts that were cut off and made again: ${told}
`
  process.stdout.write(result)
  keepMeasured(`scripts/token-race ${rounds}`, result)
} finally {
  await lab.stop()
}

async function race(authority: Member, round: number, killAfterMs?: number): Promise<void> {
  const tag = `round-${round}`
  const text = await authority.createToken('--uses', String(USES), '--tag', tag)
  const racing = Promise.all(names.map((name) => admission(name, tag, text)))
  if (killAfterMs !== undefined) {
    await delay(killAfterMs)
    authority.process.kill('SIGKILL')
    await authority.process.exit
    await authority.run()
  }
  const outcomes = await racing
  for (const code of outcomes.flatMap(({ cutOff }) => cutOff))
    cuts.set(code, (cuts.get(code) ?? 0) + 1)
  const joined = outcomes.flatMap(({ admitted }) => admitted ?? [])
  const tokens = await authority.json<Token[]>(['token', 'list'])
  const token = tokens.find(({ tags }) => tags.includes(tag))
  const kept = (await authority.json<Listed[]>(['node', 'list'])).filter(
    (one) => one.state === 'member' && one.token === token?.id,
  )
  check(`${tag}: hosts that joined`, joined.length, USES)
  check(`${tag}: uses that were counted`, token?.used, USES)
  check(
    `${tag}: members that the ledger holds`,
    ids(kept.map(({ node }) => node)),
    ids(joined.map(({ nodeId }) => nodeId)),
  )
  for (const [address] of joined.map(({ addresses }) => addresses)) {
    check(`${tag}: ${address} was given before`, given.has(address!), false)
    given.add(address!)
  }
}

/** As a host that nobody knows yet. */
async function admission(name: string, tag: string, token: string): Promise<JoinOutcome> {
  const member = new Member(lab.host(name))
  await member.host.run(['rm', '-rf', member.stateDir])
  return persistentJoin(member, token, `${tag}-${name}`)
}

function ids(of: readonly string[]): string {
  return of.toSorted().join(' ')
}

function check(what: string, is: unknown, wanted: unknown): void {
  if (is !== wanted) throw new Error(`${what}: ${String(is)}, and not ${String(wanted)}`)
}
