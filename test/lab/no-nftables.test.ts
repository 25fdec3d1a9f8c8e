// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { withoutNetfilter } from '../../netns-lab/without-netfilter.ts'

/** A host whose kernel has no nftables, in a container that was given little for instance. */
let lab: Lab
let hub: Member
let bare: Member

beforeAll(async () => {
  lab = await startLab({ name: 'no-nftables', hosts: { hub: {}, bare: {} } })
  hub = new Member(lab.host('hub'))
  bare = new Member(lab.host('bare'))
  await hub.init()
  await hub.run()
  await bare.join(await hub.createToken())
  bare.runsInside(withoutNetfilter)
  await bare.run()
})

afterAll(async () => {
  await lab?.stop()
})

interface Finding {
  readonly check: string
  readonly verdict: string
  readonly found: string
  readonly remedy: string
}

async function finding(check: string): Promise<Finding | undefined> {
  const { stdout } = await bare.try(['--json', 'doctor'])
  return (JSON.parse(stdout) as Finding[]).find((one) => one.check === check)
}

/** Of the ways to the other there is none, or one. */
const pinged = async () => {
  const [address = ''] = (await hub.peer('bare')).addresses
  return (await hub.host.exec(['ping', '-c', '1', '-W', '1', address])).code === 0
}

async function policy(toml: string): Promise<void> {
  const file = `${hub.host.stateDir}/policy.toml`
  await writeFile(file, toml)
  await hub.do(['policy', 'set', file])
}

test('it is a member as others are, and says which part of it needs nftables', async () => {
  const { addresses } = await bare.reaches('hub')
  await bare.pings(addresses[0]!)
  await bare.host.waitFor(async () => (await finding('names'))?.verdict === 'look', {
    deadlineMs: 10_000,
    what: 'the doctor says that names do not resolve',
    pollMs: 500,
  })
  expect(await finding('names')).toMatchObject({
    found: expect.stringContaining('the kernel has no nftables'),
    remedy: expect.stringContaining('modprobe nf_tables'),
  })
  expect(await finding('helper')).toMatchObject({ verdict: 'good' })
  expect(await bare.do(['status'])).toContain('do not resolve: the kernel has no nftables')
})

test('a policy that it cannot keep lets nobody in, and it says so until the policy is open again', async () => {
  expect(await pinged()).toBe(true)
  await policy('[[allow]]\nfrom = ["hub"]\nto = ["*"]\nprotocol = "tcp"\nports = [22]\n')
  await bare.host.waitFor(async () => (await finding('helper'))?.verdict === 'bad', {
    deadlineMs: 15_000,
    what: 'the doctor says that the policy cannot be kept',
    pollMs: 500,
  })
  expect(await finding('helper')).toMatchObject({
    found: expect.stringContaining('the access policy cannot be kept, so nobody is let in'),
    remedy: expect.stringContaining('modprobe nf_tables'),
  })
  expect(await bare.do(['status'])).toContain('so nobody is let in: the kernel has no nftables')
  expect(await pinged()).toBe(false)
  await hub.do(['policy', 'set', '--open'])
  await bare.host.waitFor(pinged, {
    deadlineMs: 30_000,
    what: 'the hub is let in again',
    pollMs: 500,
  })
  expect(await finding('helper')).toMatchObject({ verdict: 'good' })
})
