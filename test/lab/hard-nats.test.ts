// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventEntry, EventOf } from '../../agent/core/event-log.ts'
import type { Why } from '../../agent/core/status.ts'
import { CANDIDATES_PER_PEER_MAX } from '../../nat/constants.ts'
import { SPREAD_SOCKETS, SWEEP_PROBES } from '../../nat/search/constants.ts'
import type { Capture, CaptureSummary } from '../../netns-lab/capture.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { meshAddress, startMesh, steadyPing } from './mesh.ts'

/** Hosts behind NATs that give each destination another port: which of them go direct by searching, and at what cost. */
let lab: Lab
let mesh: Record<'hub' | 'other' | 'sam' | 'sue' | 'seth' | 'pam' | 'fay' | 'omar', Member>
let captures: Record<'sam' | 'pam', Capture>
/** What the agent of sam had begun before it was killed: the next one begins anew, and knows nothing of it. */
let begunBefore = 0
/** How many sockets it had opened when it met pam: by luck that may be few. */
let openedBefore = 0

beforeAll(async () => {
  lab = await startLab({
    name: 'hard-nats',
    hosts: {
      hub: {},
      other: {},
      sam: { behind: 'symmetric-1' },
      sue: { behind: 'symmetric-2' },
      seth: { behind: 'sequential' },
      pam: { behind: 'restricted' },
      fay: { behind: 'firewalled' },
      omar: { behind: 'opted-out' },
    },
    nats: {
      'symmetric-1': { kind: 'symmetric' },
      'symmetric-2': { kind: 'symmetric' },
      sequential: { kind: 'symmetric-sequential' },
      restricted: { kind: 'port-restricted' },
      firewalled: { kind: 'firewall' },
      'opted-out': { kind: 'port-restricted' },
    },
  })
  const capture = (name: string) => lab.host(name).capture('any', 'udp and outbound')
  captures = { sam: await capture('sam'), pam: await capture('pam') }
  mesh = await startMesh(lab, ['hub', 'other', 'pam', 'sam', 'seth', 'fay', 'sue', 'omar'], {
    omar: 'birthday_search = false\n',
  })
})

afterAll(async () => {
  await lab?.stop()
})

/** The searches of a host for a peer that have ended. */
async function searches(member: Member, peer: string): Promise<EventOf<'search-ended'>[]> {
  const events = await member.json<readonly EventEntry[]>(['events'])
  return events.flatMap((event) =>
    event.kind === 'search-ended' && event.peer === peer ? [event] : [],
  )
}

/** How many searches a host's agent has begun, for one peer or for all. */
async function begun(member: Member, peer?: string): Promise<number> {
  const events = await member.json<readonly EventEntry[]>(['events'])
  return events.filter(
    (event) => event.kind === 'search-begun' && (peer === undefined || event.peer === peer),
  ).length
}

const whyOf = (member: Member, peer: string) => member.json<Why>(['why', peer])

test('a host behind a symmetric NAT goes direct with one behind a port-restricted NAT', async () => {
  const { sam, pam } = mesh
  const { why } = await sam.reaches('pam', 'direct', 90_000)
  expect(why).toContain('a socket that a search has punched')
  await pam.reaches('sam', 'direct', 10_000)
  const [found] = (await searches(sam, 'pam')).filter(({ result }) => result === 'found')
  expect(found?.sockets).toBeLessThanOrEqual(SPREAD_SOCKETS)
  openedBefore = found?.sockets ?? 0
  const pings = await steadyPing(sam.host, await meshAddress(sam, 'pam'))
  await pings.answers(5, 10_000)
  await pings.stop()
  // The packets of the tunnel leave from the punched socket, and only from there.
  const capture = await sam.host.capture('any', 'udp and outbound and greater 400')
  await sam.host.run(['ping', '-c', '5', '-i', '0.1', '-s', '800', await meshAddress(sam, 'pam')])
  const { packets } = await capture.stop()
  const ports = packets.map(({ line }) => / IP [\d.]+\.(\d+) > /.exec(line)?.[1])
  expect(ports.filter((port) => port === String(found?.socket)).length).toBeGreaterThanOrEqual(5)
})

test('the agent of the hard side comes back and finds the punched path as it was', async () => {
  const { sam, pam } = mesh
  const before = (await searches(sam, 'pam')).length
  expect(before).toBeGreaterThan(0)
  const pings = await steadyPing(pam.host, await meshAddress(pam, 'sam'))
  begunBefore = await begun(sam)
  sam.process.kill('SIGKILL')
  await sam.process.exit
  await sam.run()
  await sam.reaches('pam', 'direct', 20_000)
  await pings.answers(20, 10_000)
  const { longestGapMs } = await pings.stop()
  expect(longestGapMs).toBeLessThan(1_000)
  expect(await searches(sam, 'pam')).toEqual([])
})

test('a NAT that gives out ports in sequence is predicted, also from behind a firewall', async () => {
  const { seth, pam, fay } = mesh
  for (const easy of [pam, fay]) {
    await seth.reaches(easy.name, 'direct', 90_000)
    await easy.reaches('seth', 'direct', 10_000)
    for (const { probes } of await searches(easy, 'seth')) expect(probes).toBeLessThan(300)
  }
  await seth.pings(await meshAddress(seth, 'fay'))
})

test('two hosts with random ports are left alone, and told why', async () => {
  const { sam, sue } = mesh
  await sam.reaches('sue', 'relay')
  // Once the plain checks are over.
  await sam.host.waitFor(
    async () => (await whyOf(sam, 'sue')).obstacle?.kind === 'both-symmetric',
    { deadlineMs: 20_000, what: 'why names the two NATs' },
  )
  expect(await searches(sam, 'sue')).toEqual([])
  expect(await searches(sue, 'sam')).toEqual([])
})

test('why tells what both ends know, and one end alone while the other has no agent', async () => {
  const { sam, sue } = mesh
  const both = await whyOf(sam, 'sue')
  expect(both.unanswered).toBeNull()
  expect(both.otherPath?.kind).toBe('relay')
  expect(both.otherSentence).toContain('both NATs give each destination a new port')
  expect(both.otherAttempts?.map(({ outcome }) => outcome)).toContain('no answer')
  const { self, other } = await whyOf(sue, 'sam')
  expect([both.other.evidence, both.self.evidence]).toEqual([self.evidence, other.evidence])
  expect(new Set(both.other.evidence?.match(/saw [\d.]+:\d+/g)).size).toBeGreaterThan(1)
  await sue.stop()
  expect(await whyOf(sam, 'sue')).toMatchObject({
    unanswered: { fault: 'unreached' },
    otherAttempts: null,
    other: { evidence: null },
  })
  await sue.run()
})

test('a host that was told to search for nothing is not searched for either, and why says so', async () => {
  const { sue, omar } = mesh
  await sue.reaches('omar', 'relay')
  await sue.host.waitFor(
    async () =>
      (await whyOf(sue, 'omar')).obstacle?.sentence.includes('birthday_search = false') === true,
    { deadlineMs: 20_000, what: 'why tells of the opt-out' },
  )
  expect(await searches(sue, 'omar')).toEqual([])
  expect(await searches(omar, 'sue')).toEqual([])
})

test('what searches send stays within their budget, counted on the wire', async () => {
  const { sam, pam } = mesh
  const [fromSam, fromPam] = [await captures.sam.stop(), await captures.pam.stop()]
  // None, if by luck one of sam's sockets got a port that pam's plain checks had tried: some 0.4 % for each of them.
  const ofPam = await begun(pam, 'sam')
  const samIp = (await whyOf(pam, 'sam')).other.candidates
    .find(({ kind }) => kind === 'server-reflexive')!
    .address.split(':')[0]
  const swept = probesIn(fromPam).filter(({ to }) => to.startsWith(`${samIp}.`))
  const ports = new Set(swept.map(({ to }) => to))
  const told = (await searches(pam, 'sam')).reduce((sum, { probes }) => sum + probes, 0)
  expect(ports.size).toBeGreaterThanOrEqual(Math.min(Math.max(told, 1), 10))
  // Plain checks try what servers saw of sam, and what its probes showed.
  expect(ports.size).toBeLessThanOrEqual(ofPam * SWEEP_PROBES + CANDIDATES_PER_PEER_MAX)

  const ofSam = begunBefore + (await begun(sam))
  expect(ofSam).toBeGreaterThan(0)
  const sockets = new Set(probesIn(fromSam).map(({ from }) => from)).size - 1
  expect(sockets).toBeGreaterThanOrEqual(Math.min(openedBefore, 10))
  expect(sockets).toBeLessThanOrEqual(ofSam * SPREAD_SOCKETS)
})

/** Sealed probes by their length: where from and where to, as `192.0.2.1.41820`. */
function probesIn({ packets }: CaptureSummary): { from: string; to: string }[] {
  return packets.flatMap(({ line }) => {
    const [, from, to] = / IP ([\d.]+) > ([\d.]+): UDP, length 108$/.exec(line) ?? []
    return from === undefined || to === undefined ? [] : [{ from, to }]
  })
}
