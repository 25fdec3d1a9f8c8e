// SPDX-License-Identifier: Apache-2.0
import { cpSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** The authority moves to a home that nobody can dial. */
let lab: Lab
let founder: Member
let relay: Member
let home: Member

beforeAll(async () => {
  lab = await startLab({
    name: 'far-authority',
    hosts: {
      founder: {},
      relay: {},
      home: { behind: 'home-nat' },
      late: { behind: 'late-nat' },
    },
    nats: {
      'home-nat': { kind: 'port-restricted' },
      'late-nat': { kind: 'symmetric' },
    },
  })
  ;({ founder, relay, home } = await startMesh(lab, ['founder', 'relay', 'home']))
})

afterAll(async () => {
  await lab?.stop()
})

const namesKnownTo = async (member: Member) => (await member.peek()).peers.map(({ name }) => name)

test('a host joins over any member when the authority is behind a NAT', async () => {
  const backup = `${founder.host.stateDir}/backup.json`
  await founder.do(['authority', 'backup', backup])
  await founder.stop()
  const carried = `${home.host.stateDir}/backup.json`
  cpSync(backup, carried)
  await home.stop()
  await home.do(['authority', 'restore', carried])
  await home.run()
  await home.reaches('relay')
  const token = await home.createToken()
  const late = new Member(lab.host('late'))
  await late.join(token)
  await late.run()
  await late.reaches('home', 'relay')
  expect((await home.json<{ name: string }[]>(['node', 'list'])).map(({ name }) => name)).toContain(
    'late',
  )
  expect(await namesKnownTo(relay)).toContain('late')
})
