// SPDX-License-Identifier: Apache-2.0
/**
 * Two halves of a network are cut off from each other; each goes on, and changes; then they are whole again, and all hold the
 * same. The authority is on the left.
 */
import { startLab } from '../netns-lab/lab.ts'
import { Member, type MemberStatus } from '../netns-lab/member.ts'
import { someAtOnce } from '../netns-lab/some-at-once.ts'
import { allSee, AT_ONCE, distribution, startCrowd } from './crowd.ts'
import { keepMeasured } from './measured.ts'

const half = Number(process.argv[2] ?? 10)
if (!(half >= 4)) throw new Error('a half needs four hosts')
const names = (side: string) => Array.from({ length: half }, (_, i) => `${side}-${i}`)
const [lefts, rights] = [names('left'), names('right')]
const late = 'late'
const said: string[] = []
const startedMs = performance.now()
const lab = await startLab({
  name: 'split',
  hosts: Object.fromEntries([...lefts, ...rights, late].map((name) => [name, {}])),
})
try {
  const members = await startCrowd(lab, [...lefts, ...rights])
  const [left, right] = [members.slice(0, half), members.slice(half)]
  const [authority, , edited, revoked] = left as [Member, Member, Member, Member]
  const [seesOther, restarted, leaving] = right as [Member, Member, Member]
  await allSee(members, 'sees all others alive', allAlive(2 * half), 120_000)
  say(`${2 * half} hosts know each other`)

  const cutMs = Date.now()
  await lab.set('internet', { cuts: [...lefts, late].flatMap((a) => rights.map((b) => [a, b])) })
  const sentence = `partitioned: ${half} of ${2 * half} members unseen`
  const tellsOf = (wanted: string) => (status: MemberStatus) => {
    const told = status.self.partition?.sentence
    return told === wanted ? undefined : (told ?? 'no partition')
  }
  await allSee(left, sentence, tellsOf(sentence), 120_000)
  await allSee(right, sentence, tellsOf(`${sentence}, authority quorum lost`), 120_000)
  const unseen = await timesOf(members, 'member-failed', cutMs)
  say(
    `both halves say so; ms until a member of the other half was given up: ${distribution(unseen)}`,
  )

  // Each half goes on with what it has: the left one admits, edits and revokes; the right one cannot, but its members come, go and change.
  const token = await authority.createToken('--uses', '2')
  const newcomer = new Member(lab.host(late))
  await newcomer.join(token)
  await newcomer.runQuietly()
  await authority.do(['node', 'edit', edited.name, '--tag', 'winter'])
  await authority.do(['node', 'revoke', revoked.name])
  await restarted.stop()
  await restarted.configure('relay = false\n')
  await restarted.runQuietly()
  await leaving.do(['leave'])
  const stayingLeft = [...left.filter((one) => one !== revoked), newcomer]
  const stayingRight = right.filter((one) => one !== leaving)
  await allSee(
    stayingLeft,
    'holds what has changed on the left',
    holds({ present: [late], absent: [revoked.name], winter: edited.name, hubs: {} }),
    60_000,
  )
  await allSee(
    stayingRight,
    'holds what has changed on the right',
    holds({
      present: [revoked.name, edited.name],
      absent: [late, leaving.name],
      hubs: { [restarted.name]: false },
    }),
    60_000,
  )
  await seesOther.pings((await restarted.status()).self.addresses[0]!)
  say('both halves have changed')

  const healedMs = Date.now()
  await lab.set('internet', { cuts: [] })
  const staying = [...stayingLeft, ...stayingRight]
  const wanted = holds({
    present: [late, ...staying.map(({ name }) => name)],
    absent: [revoked.name, leaving.name],
    winter: edited.name,
    hubs: { [restarted.name]: false },
  })
  await allSee(
    staying,
    'holds the same as all others',
    (status, member) => wanted(status, member) ?? allAlive(staying.length)(status),
    120_000,
  )
  const wholeMs = Date.now() - healedMs
  const alive = await timesOf(staying, 'member-alive', healedMs)
  say(
    `all hold the same ${wholeMs} ms after the healing; ms until one was seen alive again: ${distribution(alive)}`,
  )
  await authority.pings((await restarted.status()).self.addresses[0]!)
  await newcomer.pings((await seesOther.status()).self.addresses[0]!)
  say('they reach each other again')
  keepMeasured(`scripts/split ${half}`, said.join(''))
  await someAtOnce(AT_ONCE, staying, async (member) => void (await member.stop()))
} finally {
  await lab.stop()
}

function say(what: string): void {
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
  said.push(`${seconds.padStart(4)} s  ${what}\n`)
  process.stdout.write(said.at(-1)!)
}

function allAlive(count: number): (status: MemberStatus) => string | undefined {
  return ({ self, peers }) => {
    if (self.partition !== null) return self.partition.sentence
    const alive = peers.filter(({ liveness }) => liveness === 'alive').length
    return alive === count - 1 && peers.length === alive
      ? undefined
      : `${alive} of ${peers.length} are alive`
  }
}

interface Holding {
  readonly present: readonly string[]
  readonly absent: readonly string[]
  readonly winter?: string
  readonly hubs: Readonly<Record<string, boolean>>
}

/** What a member holds of its peers, itself left out. */
function holds({ present, absent, winter, hubs }: Holding) {
  return ({ peers }: MemberStatus, { name: self }: Member): string | undefined => {
    const held = new Map(peers.map((peer) => [peer.name, peer]))
    const missing = present.find((name) => name !== self && !held.has(name))
    if (missing !== undefined) return `lacks ${missing}`
    const surplus = absent.find((name) => held.has(name))
    if (surplus !== undefined) return `still has ${surplus}`
    if (winter !== undefined && winter !== self && held.get(winter)?.tags.join() !== 'winter')
      return `has old tags of ${winter}`
    const wrong = Object.entries(hubs).find(
      ([name, hub]) => name !== self && held.get(name)?.hub !== hub,
    )
    return wrong === undefined ? undefined : `has an old record of ${wrong[0]}`
  }
}

/** How long after `sinceMs` each event of this kind happened, over all members. */
async function timesOf(of: readonly Member[], kind: string, sinceMs: number): Promise<number[]> {
  const times: number[] = []
  for (const member of of)
    for (const event of await member.events()) {
      const afterMs = Date.parse(event.time) - sinceMs
      if (event.kind === kind && afterMs >= 0) times.push(afterMs)
    }
  return times
}
