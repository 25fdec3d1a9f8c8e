// SPDX-License-Identifier: Apache-2.0
import { cpSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** What the authority says about who may reach whom; and what becomes of a network that loses its authority. */
let lab: Lab
let hub: Member
let web: Member
let laptop: Member
let late: Member
let address: string

beforeAll(async () => {
  lab = await startLab({ name: 'authority', hosts: { hub: {}, web: {}, laptop: {}, late: {} } })
  ;({ hub, web, laptop } = await startMesh(lab, ['hub', 'web', 'laptop']))
  late = new Member(lab.host('late'))
  await web.reaches('hub')
  await laptop.reaches('hub')
  address = (await hub.status()).self.addresses[0]!
  const answer = `require('net').createServer((s) => s.end()).listen(PORT, '${address}')`
  for (const port of ['5432', '22'])
    hub.host.spawn([process.execPath, '-e', answer.replace('PORT', port)], {
      log: `listens-${port}.log`,
    })
  await connects(web, '5432', true)
})

afterAll(async () => {
  await lab?.stop()
})

async function connects(from: Member, port: string, wanted: boolean): Promise<void> {
  const command = ['timeout', '1', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]
  await from.host.waitFor(
    async () => ((await from.host.exec(command)).code === 0) === wanted || undefined,
    { deadlineMs: 10_000, what: `${from.name} ${wanted ? 'reaches' : 'is refused'} port ${port}` },
  )
}

async function setPolicy(text: string): Promise<void> {
  const file = `${hub.host.stateDir}/policy.toml`
  await writeFile(file, text)
  await hub.do(['policy', 'set', file])
}

test('a policy lets through what it names, refuses the rest on arrival, and why says so', async () => {
  await setPolicy('[[allow]]\nfrom = ["web"]\nto = ["hub"]\nprotocol = "tcp"\nports = [5432]\n')
  await connects(web, '22', false)
  await connects(web, '5432', true)
  await connects(laptop, '5432', false)
  expect((await web.host.exec(['ping', '-c', '1', '-W', '1', address])).code).not.toBe(0)
  expect(await laptop.do(['why', 'hub'])).toContain('that is what blocks')
  expect(await web.do(['why', 'hub'])).toContain('tcp 5432')
  expect((await web.try(['policy', 'test', '--from', 'laptop', '--to', 'hub'])).code).toBe(1)
  // Paths and liveness do not depend on it.
  await laptop.do(['ping', 'hub', '-c', '1'])
  expect((await laptop.peer('hub')).liveness).toBe('alive')
})

test('the next policy takes its place, and an open one lets everything in again', async () => {
  await setPolicy('[[allow]]\nfrom = ["laptop"]\nto = ["hub"]\n')
  await connects(laptop, '22', true)
  await connects(web, '5432', false)
  await hub.do(['policy', 'set', '--open'])
  await connects(web, '5432', true)
})

test('a host that was away comes back to the policy that was set meanwhile', async () => {
  const inMesh = (await web.peek()).self.addresses[0]!
  const hears = async (wanted: boolean) =>
    laptop.host.waitFor(
      async () => {
        const { code } = await laptop.host.exec(['ping', '-c', '1', '-W', '1', inMesh])
        return (code === 0) === wanted
      },
      { deadlineMs: 15_000, what: `laptop ${wanted ? 'reaches' : 'is refused by'} web` },
    )
  const serialOf = async () =>
    (await web.json<{ serial: number } | null>(['policy', 'show']))?.serial
  await hears(true)
  // Off: it has the open policy on its disk, and hears of the next one from the first member that it meets.
  await web.stop()
  await setPolicy('[[allow]]\nfrom = ["web"]\nto = ["*"]\n')
  await web.runQuietly()
  await hears(false)
  await web.pings(address)
  // Cut off: it goes on by what it has, until it hears of the next one.
  const refusing = await serialOf()
  await lab.set('internet', { cuts: ['hub', 'laptop', 'late'].map((name) => ['web', name]) })
  await hub.do(['policy', 'set', '--open', '-'])
  expect(await serialOf()).toBe(refusing)
  await lab.set('internet', { cuts: [] })
  await hears(true)
  expect(await serialOf()).not.toBe(refusing)
})

test('the root goes into a drawer: its delegate admits, is renewed, is replaced, and then is worth nothing', async () => {
  interface Described {
    readonly key: string
    readonly root: boolean
  }
  const root = `${hub.host.stateDir}/root.json`
  const restart = async () => {
    await hub.stop()
    await hub.run()
  }
  await hub.do(['authority', 'detach', root])
  await restart()
  const first = await hub.json<Described>(['authority', 'status'])
  expect(first.root).toBe(false)
  await late.join(await hub.createToken(), '--name', 'delegated')
  await late.run()
  await web.reaches('delegated')
  const delegate = async (key: string) => {
    const file = `${hub.host.stateDir}/delegation.txt`
    await writeFile(file, await hub.do(['authority', 'delegate', key, '--root', root]))
    await hub.do(['authority', 'accept', file])
  }
  await delegate(first.key)
  await delegate('new')
  await restart()
  // Members that run have certificates of the new key by then, and do not notice.
  const newest = (await hub.json<{ serial: number }[]>(['node', 'list'])).map((one) => one.serial)
  for (const member of [web, laptop, late])
    await member.host.waitFor(
      async () =>
        (await member.json<{ kind: string; serial?: number }[]>(['events'])).some(
          ({ kind, serial = 0 }) => kind === 'certificate-replaced' && newest.includes(serial),
        ),
      { deadlineMs: 20_000, what: `${member.name} has a certificate of the new key`, pollMs: 500 },
    )
  await hub.do(['authority', 'withdraw', first.key, '--root', root])
  for (const member of [web, late])
    await member.host.waitFor(
      async () => (await member.events()).some(({ kind }) => kind === 'authority-withdrawn'),
      { deadlineMs: 10_000, what: `${member.name} hears of it`, pollMs: 200 },
    )
  await web.reaches('delegated')
  expect((await web.status()).peers.map(({ name }) => name).sort()).toEqual([
    'delegated',
    'hub',
    'laptop',
  ])
  await late.stop()
  await late.do(['leave'])
})

test('a network that loses its authority gets it back on another member, out of a backup', async () => {
  const backup = `${hub.host.stateDir}/backup.json`
  await hub.do(['authority', 'backup', backup])
  // Admitted after the backup: its address must not be given again.
  const token = await hub.createToken('--uses', '1')
  await late.join(token)
  await late.run()
  await web.reaches('late')
  await hub.stop()
  await web.stop()
  // Carried by hand, as an operator would.
  const carried = `${web.host.stateDir}/backup.json`
  cpSync(backup, carried)
  await web.do(['authority', 'restore', carried])
  await web.run()
  expect(await web.do(['node', 'list'])).toContain('late')
  await laptop.reaches('web')

  const again = await web.createToken('--uses', '1')
  await late.do(['leave'])
  await late.join(again, '--name', 'second')
  const addresses = await web.json<{ name: string; addresses: string[] }[]>(['node', 'list'])
  const first = addresses.map((node) => node.addresses[0])
  expect(new Set(first).size).toBe(first.length)
  expect(addresses.map(({ name }) => name)).toContain('second')
})
