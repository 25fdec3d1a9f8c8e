// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { enterFromOutside } from './enter-node.ts'
import type { LabNode } from './lab-host.ts'

export const CHROMIUM = '/usr/bin/chromium'
/** In the lab everything is root's, and Chromium's own sandbox wants another user. */
export const CHROMIUM_SWITCHES = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']

export interface LabBrowser {
  readonly browser: Browser
  close(): Promise<void>
}

/** Headless Chromium on a host of a lab: it sees that host's loopback, and is driven over a pipe from outside. */
export async function startLabBrowser(host: LabNode): Promise<LabBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-browser-'))
  const program = join(folder, 'chromium')
  const words = enterFromOutside(host, [CHROMIUM], { cwd: '/', env: { HOME: folder } })
  const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  writeFileSync(program, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 })
  const browser = await chromium.launch({ executablePath: program, args: CHROMIUM_SWITCHES })
  return {
    browser,
    close: async () => {
      await browser.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
