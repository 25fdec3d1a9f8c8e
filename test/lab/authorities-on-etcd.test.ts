// SPDX-License-Identifier: Apache-2.0
/** Two authorities share a cluster of three etcd nodes, and lose them one after the other while hosts join. */
import { cpSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Member, type MemberStatus } from '../../netns-lab/member.ts'
import { type JoinOutcome, persistentJoin } from '../../netns-lab/persistent-join.ts'
import { LabEtcd } from './lab-etcd.ts'

const ETCD = ['etcd-a', 'etcd-b', 'etcd-c'] as const
const JOINING = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'] as const
const USES = 5

type Quorum = NonNullable<MemberStatus['self']['authorityQuorum']>

let lab: Lab
let etcd: LabEtcd
let first: Member
let second: Member
let token: string
const outcomes = new Map<string, JoinOutcome>()

beforeAll(async () => {
  const names = ['first', 'second', ...ETCD, ...JOINING]
  lab = await startLab({
    name: 'authorities-on-etcd',
    hosts: Object.fromEntries(names.map((name) => [name, {}])),
  })
  etcd = new LabEtcd(ETCD.map((name) => lab.host(name)))
  await etcd.leader()
  const store = `authority_etcd = ${JSON.stringify(etcd.endpoints)}\n`
  first = new Member(lab.host('first'))
  second = new Member(lab.host('second'))
  for (const member of [first, second]) await member.configure(store)
  await first.init()
  await first.run()
  await second.join(await first.createToken('--uses', '1'))
  const backup = `${first.host.stateDir}/backup.json`
  await first.do(['authority', 'backup', backup])
  const carried = `${second.host.stateDir}/backup.json`
  cpSync(backup, carried)
  await second.do(['authority', 'restore', carried])
  await second.runQuietly()
  await first.reaches('second')
  token = await tokenOf(first, [first, second])
})

afterAll(async () => {
  await lab?.stop()
})

/** One that names all of them: a host that joins must not depend on an authority that dies. */
async function tokenOf(from: Member, named: readonly Member[]): Promise<string> {
  const words = ['token', 'create', '--uses', String(USES)]
  return from.host.waitFor(
    async () => {
      const made = await from.json<{ token: string; bootstrap: string[] }>(words)
      const isNamed = ({ host }: Member) => made.bootstrap.some((at) => at.includes(host.address))
      if (!named.every(isNamed)) throw new Error(`it names ${made.bootstrap.join(', ')}`)
      return made.token
    },
    { deadlineMs: 20_000, what: 'a token names both authorities', pollMs: 1_000 },
  )
}

/** Begins at once; what came of it is kept. */
async function joins(...names: readonly (typeof JOINING)[number][]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      outcomes.set(name, await persistentJoin(new Member(lab.host(name)), token))
    }),
  )
}

const both = (of: (member: Member) => Promise<void>) => Promise.all([first, second].map(of))

const admitted = () => [...outcomes.values()].flatMap((outcome) => outcome.admitted ?? [])

/** Waits until a member sees its store like this. */
async function sees(
  member: Member,
  what: string,
  wanted: (quorum: Quorum) => boolean,
): Promise<void> {
  await member.host.waitFor(
    async () => {
      const { authorityQuorum } = (await member.peek()).self
      if (authorityQuorum !== null && wanted(authorityQuorum)) return true
      throw new Error(JSON.stringify(authorityQuorum))
    },
    { deadlineMs: 30_000, what: `${member.name} sees ${what}`, pollMs: 250 },
  )
}

const answering = (count: number) => (quorum: Quorum) =>
  quorum.quorum && quorum.members.filter(({ healthy }) => healthy).length === count

async function tells(member: Member, kind: string): Promise<void> {
  await member.host.waitFor(
    async () => (await member.events()).some((event) => event.kind === kind),
    { deadlineMs: 10_000, what: `${kind} is told`, pollMs: 500 },
  )
}

test('hosts get in while the leader of etcd is killed', async () => {
  const leader = await etcd.leader()
  const joining = joins('one', 'two')
  await etcd.kill(leader)
  await joining
  expect(admitted()).toHaveLength(2)
  await sees(first, 'two of three', answering(2))
  etcd.start(leader)
  await sees(first, 'all three', answering(3))
})

test('hosts get in while a node of etcd is cut off, and the authority that decides is killed', async () => {
  const [cutOff, ...others] = etcd.hosts as readonly [LabHost, ...LabHost[]]
  const rest = [...others.map(({ name }) => name), 'first', 'second']
  await lab.set('internet', { cuts: rest.map((name) => [cutOff.name, name] as const) })
  await sees(second, 'two of three', answering(2))
  // Whoever is asked by a person decides from then on.
  await first.do(['token', 'create'])
  await sees(second, 'who decides', ({ leader }) => leader === 'first')
  const joining = joins('three', 'four')
  first.process.kill('SIGKILL')
  await first.process.exit
  await joining
  expect(admitted()).toHaveLength(4)
  await sees(second, 'that it decides itself', ({ leader }) => leader === 'second')
  await first.runQuietly()
})

test('without two of three nobody is admitted, and status and the events say so', async () => {
  // One is cut off already.
  const [, killed] = etcd.hosts as readonly [LabHost, LabHost, LabHost]
  await etcd.kill(killed)
  const five = new Member(lab.host('five'))
  const joining = five.try(['--json', 'join', token, '--name', 'five'])
  await both(async (member) => {
    await sees(member, 'no quorum', ({ quorum }) => !quorum)
    expect(await member.do(['status'])).toContain('authority quorum lost')
    await tells(member, 'authority-quorum-lost')
  })
  expect((await joining).code).not.toBe(0)
  // What is there goes on.
  await first.pings((await second.peek()).self.addresses[0]!)

  await lab.set('internet', { cuts: [] })
  etcd.start(killed)
  await both(async (member) => {
    await sees(member, 'all three', answering(3))
    await tells(member, 'authority-quorum-back')
    expect(await member.do(['status'])).toContain('3 of 3 members of etcd answer')
  })
})

test('the last use goes to one of three, and what all were given is theirs alone', async () => {
  await joins('five', 'six', 'seven')
  expect(admitted()).toHaveLength(USES)
  // Either shows the same, and takes orders.
  for (const member of [first, second]) {
    const tokens = await member.json<{ used: number; uses: number }[]>(['token', 'list'])
    expect(Math.max(...tokens.map(({ used }) => used))).toBe(USES)
    const nodes = await member.json<{ node: string; addresses: string[] }[]>(['node', 'list'])
    expect(nodes.map(({ node }) => node)).toEqual(
      expect.arrayContaining(admitted().map(({ nodeId }) => nodeId)),
    )
    expect(nodes).toHaveLength(USES + 2)
    expect(new Set(nodes.flatMap(({ addresses }) => addresses)).size).toBe(2 * (USES + 2))
    await member.do(['node', 'edit', 'one', '--tag', `by-${member.name}`])
  }
})
