// SPDX-License-Identifier: Apache-2.0
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { type LabBrowser, startLabBrowser } from '../../netns-lab/lab-browser.ts'
import { Member } from '../../netns-lab/member.ts'

/** Who is let in, changed and let go, by a person at the page of the host that holds the network's key. */
let lab: Lab
let hub: Member
let alice: Member
let chromium: LabBrowser
let page: Page
let origin: string
let token: string

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  hub = new Member(lab.host('hub'))
  alice = new Member(lab.host('alice'))
  await hub.configure('dashboard = true\n')
  await hub.init('--approve')
  await hub.run()
  token = await hub.createToken('--uses', '2')
  chromium = await startLabBrowser(hub.host)
  page = await chromium.browser.newPage()
  page.setDefaultTimeout(20_000)
  const { url } = await hub.json<{ url: string }>(['dashboard'])
  origin = new URL(url).origin
  await page.goto(url)
  await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor()
})

afterAll(async () => {
  await chromium?.close()
  await lab?.stop()
})

interface ListedNode {
  readonly name: string
  readonly state: string
  readonly tags: readonly string[]
}

const listed = async (name: string) =>
  (await hub.json<ListedNode[]>(['node', 'list'])).find((node) => node.name === name)

/** Presses the button, and the one of the dialog that it opens. */
async function confirm(label: string, dialogName: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: dialogName })
  await dialog.getByRole('button', { name: label }).click()
}

const told = (text: string) => page.getByRole('status').getByText(text).waitFor()

test('a host that waits is let in, another is refused, and both are told', async () => {
  await page.goto(`${origin}/#/nodes`)
  const joining = alice.join(token)
  const refused = new Member(lab.host('bob')).try(['join', token, '--name', 'bob'])
  const waiting = (name: string) => page.getByRole('listitem').filter({ hasText: name })
  await waiting('alice').getByRole('button', { name: 'Approve' }).click()
  await confirm('Approve', 'Let alice in?')
  await told('alice is let in')
  await joining
  await waiting('bob').getByRole('button', { name: 'Refuse' }).click()
  await confirm('Refuse', 'Refuse bob?')
  await told('bob is not let in')
  const { code, stderr } = await refused
  expect(code).toBe(1)
  expect(stderr).toContain('refused')
  await alice.run()
  await hub.reaches('alice')
})

test('a member gets another name and a tag', async () => {
  await page.goto(`${origin}/#/node/alice`)
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Name').fill('alice-2')
  await page.getByLabel('Tags').fill('edge')
  await confirm('Edit', 'Edit alice')
  await told('alice-2 has a new certificate')
  expect(await listed('alice-2')).toMatchObject({ state: 'member', tags: ['edge'] })
  await page.getByRole('heading', { level: 1, name: 'alice-2' }).waitFor()
})

test('a member that is here is not removed, and the dialog says so', async () => {
  await page.getByRole('button', { name: 'Remove' }).click()
  await confirm('Remove', 'Remove alice-2?')
  await page.getByRole('alert').getByText('alice-2 is here').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  expect(await listed('alice-2')).toMatchObject({ state: 'member' })
})

test('a member that is gone is removed, and its name is free', async () => {
  await alice.stop()
  await hub.host.waitFor(
    async () => ['left', 'failed'].includes((await hub.peer('alice-2')).liveness),
    { deadlineMs: 20_000, what: 'alice is gone', pollMs: 500 },
  )
  await page.getByRole('button', { name: 'Remove' }).click()
  await confirm('Remove', 'Remove alice-2?')
  await told('alice-2 is out')
  expect((await listed('alice-2'))?.state ?? 'gone').not.toBe('member')
})
