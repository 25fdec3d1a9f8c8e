// SPDX-License-Identifier: Apache-2.0
/** Whether the page stutters while it is told of a large mesh: one of 100 members beside one of 10, in headless Chromium. */
import { join } from 'node:path'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { PageServer } from '../../agent/shell/dashboard/page-server.ts'
import { CHROMIUM, CHROMIUM_SWITCHES } from '../../netns-lab/lab-browser.ts'
import { type BenchResult, median } from './figures.ts'
import { largeMesh } from './large-mesh.ts'

const SIZES = [10, 100] as const
const VIEWS = ['map', 'nodes', 'node/node-1', 'events'] as const
/** Chromium's own brake: the second figure stands for an old laptop. */
const BRAKES = [1, 4] as const
/** Three updates of the page. */
const WATCH_MS = 6_500
const FILES = join(import.meta.dirname, '../../dist/dashboard')

interface Watched {
  /** Of the main thread for each second. */
  readonly busyMs: number
  readonly parts: Readonly<Record<string, number>>
  /** Tasks that held the main thread for more than 50 ms, as Chromium counts them, and the longest. */
  readonly longTasks: number
  readonly longestTaskMs: number
  /** Of the frames that 60 a second would have been. */
  readonly droppedPct: number
  /** From a key or a click until the page shows what came of it, the slowest; 0: all below 16 ms. */
  readonly slowestInputMs: number
}

type Size = (typeof SIZES)[number]

export async function benchDashboard(rounds: number): Promise<BenchResult> {
  // Nothing but this machine can be reached by it.
  const alone = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
  const args = [...CHROMIUM_SWITCHES, alone]
  const browser = await chromium.launch({ executablePath: CHROMIUM, args })
  const seen: (Watched & { view: string; size: Size; brake: number })[] = []
  try {
    for (let round = 0; round < rounds; round++)
      for (const size of SIZES)
        for (const one of await watchMesh(browser, size)) seen.push({ ...one, size })
  } finally {
    await browser.close()
  }
  const rows = BRAKES.flatMap((brake) => [
    brake === 1 ? 'at full speed:' : `with the processor ${brake} times slower:`,
    ...VIEWS.map((view) => {
      const of = (size: Size) =>
        seen.filter((one) => one.view === view && one.brake === brake && one.size === size)
      return rowOf(view, of(10), of(100))
    }),
  ])
  return { rows, facts: seen }
}

async function watchMesh(browser: Browser, size: number) {
  const server = await PageServer.start({ api: largeMesh(size), port: 0, files: FILES })
  const page = await browser.newPage()
  try {
    await page.goto(server.link().url)
    await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor()
    const chrome = await page.context().newCDPSession(page)
    await chrome.send('Performance.enable')
    const seen: (Watched & { view: string; brake: number })[] = []
    for (const brake of BRAKES)
      for (const view of VIEWS) {
        await page.goto(`http://127.0.0.1:${server.port}/#/${view}`)
        await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor()
        await chrome.send('Emulation.setCPUThrottlingRate', { rate: brake })
        seen.push({ view, brake, ...(await watchPage(page, chrome, view)) })
      }
    return seen
  } finally {
    await page.close()
    await server.close()
  }
}

/** In the page: what it notices of itself between `start` and `stop`. */
const NOTICE = `(() => {
  const found = { frames: 0, tasks: [], inputs: [0] }
  const tasks = new PerformanceObserver((list) => found.tasks.push(...list.getEntries().map((one) => one.duration)))
  tasks.observe({ type: 'longtask' })
  const inputs = new PerformanceObserver((list) => found.inputs.push(...list.getEntries().map((one) => one.duration)))
  inputs.observe({ type: 'event', durationThreshold: 16 })
  const begun = performance.now()
  let running = true
  const frame = () => { found.frames++; if (running) requestAnimationFrame(frame) }
  requestAnimationFrame(frame)
  globalThis.noticed = () => {
    running = false
    tasks.disconnect()
    inputs.disconnect()
    return { ...found, lastedMs: performance.now() - begun }
  }
})()`

interface Noticed {
  readonly frames: number
  readonly tasks: readonly number[]
  readonly inputs: readonly number[]
  readonly lastedMs: number
}

async function watchPage(page: Page, chrome: CDPSession, view: string): Promise<Watched> {
  const before = await spentSeconds(chrome)
  await page.evaluate(NOTICE)
  const over = page.waitForTimeout(WATCH_MS)
  if (view === 'nodes') await useTable(page)
  await over
  const { frames, tasks, inputs, lastedMs } = await page.evaluate<Noticed>('noticed()')
  const expected = (lastedMs / 1_000) * 60
  const after = await spentSeconds(chrome)
  const parts = PARTS.map((part): [string, number] => {
    const spentMs = ((after.get(part) ?? 0) - (before.get(part) ?? 0)) * 1_000
    return [part.replace('Duration', ''), (spentMs * 1_000) / lastedMs]
  })
  return {
    busyMs: parts.reduce((sum, [, spentMs]) => sum + spentMs, 0),
    parts: Object.fromEntries(parts),
    longTasks: tasks.length,
    longestTaskMs: Math.max(0, ...tasks),
    droppedPct: Math.max(0, 100 * (1 - frames / expected)),
    slowestInputMs: Math.max(...inputs),
  }
}

/** What a person does while the figures move: look for a member, and sort. */
async function useTable(page: Page): Promise<void> {
  await page.getByLabel('Filter').pressSequentially('node-1', { delay: 120 })
  for (let pressed = 0; pressed < 6; pressed++)
    await page.getByLabel('Filter').press('Backspace', { delay: 60 })
  for (const column of ['Round trip', 'Received', 'Name'])
    await page.getByRole('columnheader', { name: column }).getByRole('button').click()
}

const PARTS = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'] as const

async function spentSeconds(chrome: CDPSession): Promise<ReadonlyMap<string, number>> {
  const { metrics } = await chrome.send('Performance.getMetrics')
  return new Map(metrics.map(({ name, value }) => [name, value]))
}

function rowOf(view: string, few: readonly Watched[], many: readonly Watched[]): string {
  const middle = (all: readonly Watched[], of: (one: Watched) => number) => median(all.map(of))
  const most = (all: readonly Watched[], of: (one: Watched) => number) => Math.max(...all.map(of))
  const both = (of: (all: readonly Watched[]) => string) => `${of(few)} and ${of(many)}`
  const busy = (all: readonly Watched[]) => middle(all, ({ busyMs }) => busyMs)
  const ratio = busy(many) / busy(few)
  return [
    `  ${view.padEnd(12)} 10 and 100 members: busy ${both((all) => busy(all).toFixed(1))} ms a second, ratio ${ratio.toFixed(1)}`,
    `frames dropped ${both((all) => middle(all, ({ droppedPct }) => droppedPct).toFixed(1))} %`,
    `long tasks ${both((all) => String(all.reduce((sum, { longTasks }) => sum + longTasks, 0)))}, longest ${both((all) => most(all, ({ longestTaskMs }) => longestTaskMs).toFixed(0))} ms`,
    ...(view === 'nodes'
      ? [
          `slowest key or click ${both((all) => most(all, (one) => one.slowestInputMs).toFixed(0))} ms`,
        ]
      : []),
  ].join('; ')
}
