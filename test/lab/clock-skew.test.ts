// SPDX-License-Identifier: Apache-2.0
/** Three hosts whose clocks are two minutes apart each: four minutes lie between two of them. */
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clockShift } from '../../netns-lab/clock-shift.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'

const SKEW_MS = 120_000

let lab: Lab
let hub: Member
let ahead: Member
let behind: Member

beforeAll(async () => {
  lab = await startLab({ name: 'clock-skew', hosts: { hub: {}, ahead: {}, behind: {} } })
  hub = new Member(lab.host('hub'))
  ahead = new Member(lab.host('ahead'))
  behind = new Member(lab.host('behind'))
  ahead.setEnvironment({ NODE_OPTIONS: clockShift(SKEW_MS) })
  behind.setEnvironment({ NODE_OPTIONS: clockShift(-SKEW_MS) })
  await hub.init()
  await hub.run()
})

afterAll(async () => {
  await lab?.stop()
})

async function sees<T>(member: Member, what: string, look: () => Promise<T>): Promise<void> {
  await member.host.waitFor(look, {
    deadlineMs: 15_000,
    what: `${member.name} ${what}`,
    pollMs: 250,
  })
}

const peek = async (member: Member, name: string) =>
  (await member.peek()).peers.find((peer) => peer.name === name)

async function reaches(from: Member, to: Member, wanted: boolean): Promise<void> {
  const address = (await to.peek()).self.addresses[0]!
  await sees(from, `${wanted ? 'reaches' : 'is refused by'} ${to.name}`, async () => {
    const { code } = await from.host.exec(['ping', '-c', '1', '-W', '1', address])
    return (code === 0) === wanted
  })
}

test('hosts ahead and behind join, and reach each other', async () => {
  const token = await hub.createToken('--uses', '2')
  for (const member of [ahead, behind]) {
    await member.join(token)
    await member.runQuietly()
  }
  await ahead.reaches('behind')
  await behind.reaches('ahead')
  await ahead.pings((await behind.peek()).self.addresses[0]!)
})

test('each hears what the authority makes of the others, and the one that is off is told so', async () => {
  for (const tag of ['winter', 'summer'])
    for (const member of [hub, ahead, behind]) {
      await hub.do(['node', 'edit', member.name, '--tag', tag])
      for (const other of [hub, ahead, behind].filter((one) => one !== member))
        await sees(other, `hears of ${member.name}`, async () =>
          (await peek(other, member.name))?.tags.includes(tag),
        )
    }
  await sees(ahead, 'knows that it is ahead', async () => (await ahead.peek()).self.clock)
  await sees(behind, 'knows that it is behind', async () => (await behind.peek()).self.clock)
  expect((await hub.peek()).self.clock).toBeNull()
  expect(await ahead.do(['status'])).toMatch(/clock is 1[12]\d s ahead of most members'/)
  expect(await behind.do(['status'])).toMatch(/clock is 1[12]\d s behind most members'/)
  const { stdout } = await ahead.try(['--json', 'doctor'])
  const findings = JSON.parse(stdout) as { check: string; verdict: string }[]
  expect(findings.find(({ check }) => check === 'clock')?.verdict).toBe('bad')
})

test('either gets a certificate for other keys, by a request that bears its own time', async () => {
  for (const [member, other] of [
    [behind, ahead],
    [ahead, behind],
  ] as const) {
    const before = (await member.peek()).self.nodeId
    await member.do(['rotate'])
    await sees(other, 'knows the new key', async () => {
      const nodeId = (await peek(other, member.name))?.nodeId
      return nodeId !== undefined && nodeId !== before
    })
    await member.reaches(other.name)
    await hub.reaches(member.name)
    expect((await member.peek()).self.membership).toBe('valid')
  }
})

test('a policy is enforced by either, and the one that is revoked is out in seconds', async () => {
  await reaches(ahead, behind, true)
  await reaches(behind, ahead, true)
  const file = `${hub.host.stateDir}/policy.toml`
  await writeFile(file, '[[allow]]\nfrom = ["hub"]\nto = ["*"]\n')
  await hub.do(['policy', 'set', file])
  for (const [from, to] of [
    [ahead, behind],
    [behind, ahead],
  ] as const) {
    // Their keys are seconds old: the first handshake may be underway.
    await reaches(hub, to, true)
    await reaches(from, to, false)
  }
  await hub.do(['node', 'revoke', 'behind'])
  await sees(ahead, 'drops it', async () => (await peek(ahead, 'behind')) === undefined)
  await sees(behind, 'knows', async () => (await behind.peek()).self.membership === 'revoked')
})
