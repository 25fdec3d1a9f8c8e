// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import { delay } from '../clock.ts'
import type { HubReport } from '../draining.ts'
import { type CommandContext, print } from './context.ts'

interface DrainOptions {
  readonly wait?: boolean
}

/** Between two looks at whether somebody still uses the hub. */
const LOOK_MS = 1_000
/** Looks in a row without a frame: idle paths are asked less often, but who has moved asks no more. */
const QUIET_LOOKS = 2

/** `meshgate drain` */
export async function drain(context: CommandContext, options: DrainOptions): Promise<number> {
  const api = new ApiClient(context.runDir)
  let report = await api.post<HubReport>('/v1/drain', { draining: true })
  if (options.wait === true) report = await untilUnused(api, report, context)
  print(context, report, drainText(report, options.wait === true))
  return 0
}

/** `meshgate undrain` */
export async function undrain(context: CommandContext): Promise<number> {
  const report = await new ApiClient(context.runDir).post<HubReport>('/v1/drain', {
    draining: false,
  })
  const text = isUsed(report)
    ? `others may use this ${kindOf(report)} again`
    : 'this host forwards for nobody: there is nothing to take back'
  print(context, report, text)
  return 0
}

async function untilUnused(
  api: ApiClient,
  first: HubReport,
  context: CommandContext,
): Promise<HubReport> {
  let before = first
  let told = ''
  for (let quiet = 0; quiet < QUIET_LOOKS; ) {
    await delay(LOOK_MS)
    const now = await api.get<HubReport>('/v1/hub')
    // Somebody took it back, or there never was a hub.
    if (!now.draining || !isUsed(now)) return now
    quiet = now.users.length === 0 && now.frames === before.frames ? quiet + 1 : 0
    const users = now.users.join(', ')
    if (!context.json && users !== told && users !== '')
      process.stderr.write(`still used by ${users}\n`)
    told = users
    before = now
  }
  return before
}

function drainText(report: HubReport, waited: boolean): string {
  const { draining, users } = report
  if (!isUsed(report)) return 'this host forwards for nobody: there is nothing to drain'
  if (!draining) return 'draining was taken back'
  if (waited) return `nobody uses this ${kindOf(report)} any more`
  const left = users.length === 0 ? '' : `; still used by ${users.join(', ')}`
  return `others are told to leave this ${kindOf(report)}${left}`
}

function isUsed({ relays, prefixes }: HubReport): boolean {
  return relays || prefixes.length > 0
}

function kindOf({ relays }: HubReport): string {
  return relays ? 'hub' : 'gateway'
}
