// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh, steadyPing } from './mesh.ts'

/** Two members that both speak for one network behind them, of which the first in order of ids has it. */
const BEHIND = '192.168.77.1'
let lab: Lab
let alice: Member
let gateways: readonly Member[]

beforeAll(async () => {
  lab = await startLab({
    name: 'gateways',
    hosts: { hub: {}, alice: {}, east: {}, west: {} },
  })
  const mesh = await startMesh(lab, ['hub', 'alice', 'east', 'west'])
  alice = mesh.alice
  gateways = [mesh.east, mesh.west]
  for (const gateway of gateways) {
    await gateway.host.run(['ip', 'address', 'add', `${BEHIND}/32`, 'dev', 'lo'])
    await mesh.hub.do(['node', 'edit', gateway.name, '--route', '192.168.77.0/24', '--tag', 'gate'])
    await alice.host.waitFor(async () => (await alice.peer(gateway.name)).tags.includes('gate'), {
      deadlineMs: 10_000,
      what: `alice knows ${gateway.name}'s new certificate`,
    })
    await alice.reaches(gateway.name)
  }
  await alice.host.run(['ip', 'route', 'add', '192.168.77.0/24', 'dev', 'meshgate0'])
})

afterAll(async () => {
  await lab?.stop()
})

interface PlannedPeer {
  readonly name: string
  readonly allowedIps: readonly string[]
}

/** Who has the network behind, as alice sees it. */
async function holder(): Promise<string | undefined> {
  const { peers } = await alice.json<{ peers: PlannedPeer[] }>(['plan'])
  return peers.find(({ allowedIps }) => allowedIps.includes('192.168.77.0/24'))?.name
}

const held = (name: string) =>
  alice.host.waitFor(async () => (await holder()) === name, {
    deadlineMs: 10_000,
    what: `${name} has the network`,
    pollMs: 100,
  })

/** Ten packets a second: of two lost in a row it would be 300. */
const GAP_MS_MAX = 300

test('a gateway that is drained is left for the other and taken back, for no more than an answer on its way', async () => {
  const ping = await steadyPing(alice.host, BEHIND)
  const before = await holder()
  const first = gateways.find(({ name }) => name === before)!
  const second = gateways.find(({ name }) => name !== before)!
  expect(await first.do(['drain'])).toContain('others are told to leave this')
  await held(second.name)
  await first.do(['undrain'])
  await held(first.name)
  await ping.answers(5, 5_000)
  expect((await ping.stop()).longestGapMs).toBeLessThan(GAP_MS_MAX)
})
