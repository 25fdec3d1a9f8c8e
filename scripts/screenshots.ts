// SPDX-License-Identifier: Apache-2.0
/** The dashboard as a person has it, as pictures for the documents: a real network in the lab, a real browser on its hub. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Lab, startLab } from '../netns-lab/lab.ts'
import { startLabBrowser } from '../netns-lab/lab-browser.ts'
import type { MemberStatus } from '../netns-lab/member.ts'
import { allSee, startCrowd } from './crowd.ts'

const FOLDER = join(import.meta.dirname, '../docs/screenshots')
const MEMBERS = ['gate-1', 'laptop', 'gate-2', 'nas', 'phone', 'build'] as const
/** Each view in one scheme, and the first in both: the documents stay small. */
const PICTURES = [
  ['map', 'light'],
  ['map', 'dark'],
  ['nodes', 'light'],
  ['node/phone', 'dark'],
] as const
const SIZE = { width: 1_120, height: 760 }
/** Of the curves, which hold ten minutes. */
const SHOWN_SAMPLES = 30
const PATIENCE_MS = 120_000

const lab = await startLab({
  name: 'screenshots',
  nats: {
    home: { kind: 'port-restricted', link: { delayMs: 6 } },
    flat: { kind: 'full-cone', link: { delayMs: 11 } },
    mobile: { kind: 'symmetric', link: { delayMs: 70, jitterMs: 8 } },
    office: { kind: 'symmetric', link: { delayMs: 9 } },
  },
  hosts: {
    'gate-1': { link: { delayMs: 4 } },
    'gate-2': { link: { delayMs: 14 } },
    laptop: { behind: 'home' },
    nas: { behind: 'flat' },
    phone: { behind: 'mobile' },
    build: { behind: 'office' },
  },
})
try {
  await takePictures(lab)
} finally {
  await lab.stop()
}

async function takePictures(of: Lab): Promise<void> {
  // Nothing goes straight from the one to the other, so that one member is reached over a hub.
  await of.set('internet', { cuts: [['home', 'office']] })
  const members = await startCrowd(of, MEMBERS)
  const laptop = members.find(({ name }) => name === 'laptop')!
  await allSee([laptop], 'a path to every other', pathIsMissing, PATIENCE_MS)
  const chromium = await startLabBrowser(laptop.host)
  try {
    const page = await chromium.browser.newPage({ viewport: SIZE })
    page.setDefaultTimeout(PATIENCE_MS)
    const { url } = await laptop.json<{ url: string }>(['dashboard'])
    await page.goto(url)
    await page.getByRole('link', { name: /^phone: / }).waitFor()
    mkdirSync(FOLDER, { recursive: true })
    const origin = new URL(url).origin
    await laptop.host.waitFor(() => historyIsLong(page), {
      deadlineMs: PATIENCE_MS,
      what: 'the curves have something to show',
      pollMs: 2_000,
    })
    for (const [view, colorScheme] of PICTURES) {
      await page.emulateMedia({ colorScheme })
      await page.goto(`${origin}/#/${view}`)
      await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor()
      const [kind = view, ofPeer] = view.split('/')
      if (ofPeer !== undefined) await page.getByRole('heading', { name: 'Why this path' }).waitFor()
      await page.screenshot({ path: join(FOLDER, `${kind}-${colorScheme}.png`) })
    }
  } finally {
    await chromium.close()
  }
}

function pathIsMissing({ peers }: MemberStatus): string | undefined {
  const reached = peers.filter(({ path }) => path.kind !== 'none').length
  return reached === MEMBERS.length - 1 ? undefined : `${reached} of them reached`
}

/** Asked as the page asks, in its session. */
async function historyIsLong(page: Page): Promise<boolean> {
  const asked = "fetch('/v1/history?peer=phone').then((answer) => answer.json())"
  return (await page.evaluate<unknown[]>(asked)).length >= SHOWN_SAMPLES
}
