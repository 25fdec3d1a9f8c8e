// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { type LabBrowser, startLabBrowser } from '../../netns-lab/lab-browser.ts'
import type { Member } from '../../netns-lab/member.ts'
import { startMesh } from './mesh.ts'

/** The page as a person has it: a browser on the hub itself, which also holds the network's key. */
let lab: Lab
let hub: Member
let chromium: LabBrowser
let context: BrowserContext
let page: Page
let firstUrl: string
const PORT = 8426
const ORIGIN = `http://127.0.0.1:${PORT}`

const link = async () => (await hub.json<{ url: string }>(['dashboard'])).url

async function curl(...words: string[]): Promise<{ status: number; body: string }> {
  const { stdout } = await hub.host.exec(['curl', '-s', '-w', '\n%{http_code}', ...words])
  const lines = stdout.trimEnd().split('\n')
  return { status: Number(lines.pop()), body: lines.join('\n') }
}

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  const config = `dashboard = true\ndashboard_port = ${PORT}\n`
  hub = (await startMesh(lab, ['hub', 'alice'], { hub: config })).hub
  await hub.reaches('alice')
  chromium = await startLabBrowser(hub.host)
  context = await chromium.browser.newContext()
  page = await context.newPage()
  page.setDefaultTimeout(15_000)
  firstUrl = await link()
  await page.goto(firstUrl)
})

afterAll(async () => {
  await chromium?.close()
  await lab?.stop()
})

test('the map shows the mesh, and the link has left the address', async () => {
  await page.getByRole('link', { name: /^alice: direct/ }).waitFor()
  expect(page.url()).toBe(`${ORIGIN}/#/map`)
  const [cookie] = await context.cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
})

test('a link works once', async () => {
  const other = await chromium.browser.newContext()
  const second = await other.newPage()
  await second.goto(firstUrl)
  await second.getByRole('alert').getByText('used already').waitFor()
  expect(await other.cookies()).toEqual([])
  await other.close()
})

test('the table shows the mesh, and keeps what the filter lets through', async () => {
  await page.goto(`${ORIGIN}/#/nodes`)
  const row = page.getByRole('row', { name: /alice alive/ })
  await row.getByText('direct').waitFor()
  await page.getByLabel('Filter').fill('no-such-host')
  await page.getByText('0 of 1 members').waitFor()
  await page.getByLabel('Filter').fill('')
  await row.getByRole('link', { name: 'alice' }).click()
  await page.getByRole('heading', { name: 'Why this path' }).waitFor()
  await page.getByRole('img', { name: /^Round trip: now [\d.]+ ms/ }).waitFor()
})

test('a token is made and revoked, and the ledger says the same', async () => {
  await page.goto(`${ORIGIN}/#/tokens`)
  await page.getByLabel('Tags').fill('web')
  await page.getByRole('button', { name: 'Create token' }).click()
  const token = await page.getByLabel(/shown only now/).inputValue()
  expect(token).toMatch(/^mg1_/)
  const valid = async () =>
    (await hub.json<{ state: string; tags: string[] }[]>(['token', 'list'])).filter(
      ({ state }) => state === 'valid',
    )
  expect(await valid()).toMatchObject([{ tags: ['web'] }])
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page
    .getByRole('status')
    .getByText(/is revoked/)
    .waitFor()
  expect(await valid()).toEqual([])
})

test('a hub is drained after a confirmation only, by keyboard alone, and taken back', async () => {
  const draining = async () => {
    const socket = '/run/meshgate/agent.sock'
    const { body } = await curl('--unix-socket', socket, 'http://agent/v1/hub')
    return (JSON.parse(body) as { draining: boolean }).draining
  }
  await page.goto(`${ORIGIN}/#/map`)
  await page.getByRole('link', { name: /^alice: direct/ }).waitFor()
  await tabTo('This host')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Drain' }).waitFor()
  await tabTo('Drain')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Drain this hub?' })
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  expect(await draining()).toBe(false)
  await tabTo('Drain')
  await page.keyboard.press('Enter')
  await dialog.waitFor()
  await tabTo('Drain')
  await page.keyboard.press('Enter')
  await page.getByRole('status').getByText('told to leave').waitFor()
  expect(await draining()).toBe(true)
  await page.getByRole('button', { name: 'Undrain' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Undrain' }).click()
  await page.getByRole('status').getByText('may use this hub again').waitFor()
  expect(await draining()).toBe(false)
})

/** Presses Tab until what has the focus says so. */
async function tabTo(name: string): Promise<void> {
  for (let pressed = 0; pressed < 40; pressed++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate('document.activeElement?.textContent?.trim()')) === name) return
  }
  throw new Error(`the Tab key does not lead to ${name}`)
}

test('no view breaks a rule of accessibility, in light and dark', async () => {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const view of ['map', 'nodes', 'node/alice', 'events', 'tokens', 'self']) {
      await page.goto(`${ORIGIN}/#/${view}`)
      await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor()
      await page.evaluate(source)
      const found = await page.evaluate<string[]>(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map((one) => one.html).join(" ")}`))',
      )
      expect(found, `${view} in ${colorScheme}`).toEqual([])
    }
  }
})

test('nobody without a session, from another origin or under another name is told anything', async () => {
  const status = `${ORIGIN}/v1/status`
  expect((await curl(status)).status).toBe(401)
  expect((await curl('-b', `meshgate-${PORT}=${'0'.repeat(64)}`, status)).status).toBe(401)
  const [session] = await context.cookies()
  const cookie = ['-b', `meshgate-${PORT}=${session!.value}`]
  expect((await curl(...cookie, status)).status).toBe(200)
  const elsewhere = 'http://evil.example'
  expect((await curl(...cookie, '-H', `Origin: ${elsewhere}`, status)).status).toBe(403)
  expect((await curl(...cookie, '-H', 'Sec-Fetch-Site: cross-site', status)).status).toBe(403)
  expect((await curl(...cookie, '-H', 'Host: evil.example', status)).status).toBe(403)
  const drain = ['-X', 'POST', '-d', '{"draining":true}', `${ORIGIN}/v1/drain`]
  expect((await curl(...cookie, ...drain)).status).toBe(403)
  expect((await curl(...cookie, '-H', `Origin: ${elsewhere}`, ...drain)).status).toBe(403)
  const stop = ['-H', `Origin: ${ORIGIN}`, '-X', 'POST', '-d', '{}', `${ORIGIN}/v1/stop`]
  expect((await curl(...cookie, ...stop)).status).toBe(404)
  expect((await hub.status()).self.name).toBe('hub')
})

test('a body of 10 MB is refused, and the agent goes on', async () => {
  const file = `${hub.host.stateDir}/large`
  await hub.host.run(['truncate', '-s', '10M', file])
  const [session] = await context.cookies()
  const words = ['-b', `meshgate-${PORT}=${session!.value}`, '-H', `Origin: ${ORIGIN}`]
  const sent = await curl(...words, '--data-binary', `@${file}`, `${ORIGIN}/v1/drain`)
  expect(sent.status).toBe(413)
  expect((await curl(...words, `${ORIGIN}/v1/status`)).status).toBe(200)
})
