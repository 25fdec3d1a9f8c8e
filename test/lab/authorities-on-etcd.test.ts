// SPDX-License-Identifier: Apache-2.0
/** Two authorities share a cluster of three etcd nodes, and lose them one after the other while hosts join. */
import { cpSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Member } from '../../netns-lab/member.ts'
import { type JoinOutcome, persistentJoin } from '../../netns-lab/persistent-join.ts'
import { LabEtcd } from './lab-etcd.ts'

const ETCD = ['etcd-a', 'etcd-b', 'etcd-c'] as const
const JOINING = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'] as const
const USES = 5

interface Quorum {
  readonly quorum: boolean
  readonly leader: string | null
  readonly members: readonly { readonly healthy: boolean }[]
}

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
  await second.run()
  await first.reaches('second')
  token = await (await deciding()).createToken('--uses', String(USES))
})

afterAll(async () => {
  await lab?.stop()
})

/** Begins at once; what came of it is kept. */
async function joins(...names: readonly (typeof JOINING)[number][]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      outcomes.set(name, await persistentJoin(new Member(lab.host(name)), token))
    }),
  )
}

const admitted = () => [...outcomes.values()].flatMap((outcome) => outcome.admitted ?? [])

async function quorumOf({ host }: Member): Promise<Quorum | null> {
  const words = ['curl', '-sS', '--fail', '--unix-socket', '/run/meshgate/agent.sock']
  const text = await host.run([...words, 'http://agent/v1/status'])
  return (JSON.parse(text) as { self: { authorityQuorum: Quorum | null } }).self.authorityQuorum
}

/** A command by hand has taken the lead, and either may have it afterwards. */
async function deciding(): Promise<Member> {
  return first.host.waitFor(
    async () => {
      for (const member of [first, second])
        if ((await member.try(['token', 'list'])).code === 0) return member
      throw new Error('neither decides')
    },
    { deadlineMs: 20_000, what: 'one of the authorities decides', pollMs: 250 },
  )
}

async function answering(member: Member, count: number): Promise<Quorum> {
  return member.host.waitFor(
    async () => {
      const quorum = await quorumOf(member)
      const healthy = quorum?.members.filter((one) => one.healthy).length
      if (healthy !== count) throw new Error(`${healthy} answer`)
      return quorum
    },
    { deadlineMs: 30_000, what: `${count} members of etcd answer`, pollMs: 250 },
  )
}

async function tells(member: Member, kind: string): Promise<void> {
  await member.host.waitFor(
    async () => (await member.events()).some((event) => event.kind === kind),
    { deadlineMs: 10_000, what: `${kind} is told`, pollMs: 250 },
  )
}

test('hosts get in while the leader of etcd is killed', async () => {
  const leader = await etcd.leader()
  const joining = joins('one', 'two')
  await etcd.kill(leader)
  await joining
  expect(admitted()).toHaveLength(2)
  expect(await answering(first, 2)).toMatchObject({ quorum: true })
  etcd.start(leader)
  await answering(first, 3)
})

test('hosts get in while a node of etcd is cut off, and the authority that decided is killed', async () => {
  const [cutOff, ...others] = etcd.hosts as readonly [LabHost, ...LabHost[]]
  const rest = [...others.map(({ name }) => name), 'first', 'second']
  await lab.set('internet', { cuts: rest.map((name) => [cutOff.name, name] as const) })
  expect(await answering(second, 2)).toMatchObject({ quorum: true })
  const { leader } = (await quorumOf(second))!
  const [dying, living] = leader === 'second' ? [second, first] : [first, second]
  const joining = joins('three', 'four')
  dying.process.kill('SIGKILL')
  await dying.process.exit
  await joining
  expect(admitted()).toHaveLength(4)
  expect((await quorumOf(living))?.leader).toBe(living.name)
  await dying.run()
})

test('without two of three nobody is admitted, and status, its document and the events say so', async () => {
  // One is cut off already.
  const [, killed] = etcd.hosts as readonly [LabHost, LabHost, LabHost]
  await etcd.kill(killed)
  for (const member of [first, second]) {
    await member.host.waitFor(async () => (await quorumOf(member))?.quorum === false, {
      deadlineMs: 30_000,
      what: `${member.name} misses the quorum`,
      pollMs: 250,
    })
    expect(await member.do(['status'])).toContain('authority quorum lost')
    await tells(member, 'authority-quorum-lost')
  }
  const five = new Member(lab.host('five'))
  expect((await five.try(['--json', 'join', token, '--name', 'five'])).code).not.toBe(0)
  // What is there goes on.
  await first.pings((await second.status()).self.addresses[0]!)

  await lab.set('internet', { cuts: [] })
  etcd.start(killed)
  for (const member of [first, second]) {
    expect(await answering(member, 3)).toMatchObject({ quorum: true })
    await tells(member, 'authority-quorum-back')
    expect(await member.do(['status'])).toContain('3 of 3 members of etcd answer')
  }
})

test('the last use goes to one of three, and what all were given is theirs alone', async () => {
  await joins('five', 'six', 'seven')
  expect(admitted()).toHaveLength(USES)
  const decider = await deciding()
  const tokens = await decider.json<{ id: string; uses: number; used: number }[]>([
    'token',
    'list',
  ])
  expect(tokens.find(({ uses }) => uses === USES)?.used).toBe(USES)
  const nodes = await decider.json<{ node: string; addresses: string[] }[]>(['node', 'list'])
  expect(nodes.map(({ node }) => node)).toEqual(
    expect.arrayContaining(admitted().map(({ nodeId }) => nodeId)),
  )
  expect(nodes).toHaveLength(USES + 2)
  expect(new Set(nodes.flatMap(({ addresses }) => addresses)).size).toBe(2 * (USES + 2))
})
