// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname, release, version } from 'node:os'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import type { Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { readClock } from '../clock.ts'
import { diagnose } from '../doctor/diagnose.ts'
import { gatherFacts } from '../doctor/gather-facts.ts'
import { redact } from '../doctor/redact.ts'
import { failureDocument } from '../failure.ts'
import { onFile } from '../state/state-fault.ts'
import { VERSION } from '../version.ts'
import { type CommandContext, print } from './context.ts'

interface BugReportOptions {
  readonly output?: string
}

/** Each peer's explanation is a page: as many as a person would look at. */
const PEERS_MAX = 20
const JOURNAL_LINES = 400

/** `meshgate bugreport`: one JSON file, 0600, for a person to read before it is sent anywhere. */
export async function bugReport(
  context: CommandContext,
  { output }: BugReportOptions,
): Promise<number> {
  const time = new Date(readClock().wall).toISOString()
  const path =
    output ?? `meshgate-report-${hostname()}-${time.slice(0, 19).replaceAll(':', '')}.json`
  const report = redact(await gather(context, time), secretsOf(context.stateDir))
  const text = `${JSON.stringify(report, null, 2)}\n`
  onFile(path, () => writeFileSync(path, text, { mode: 0o600 }))
  print(
    context,
    { path },
    `${path} written; it has host names and addresses: read it before you send it`,
  )
  return 0
}

async function gather(context: CommandContext, time: string): Promise<object> {
  const client = new ApiClient(context.runDir)
  const ask = (what: string) => client.get<unknown>(what).catch(failureDocument)
  const status = (await ask('/v1/status')) as Partial<Status>
  const peers = (status.peers ?? []).slice(0, PEERS_MAX).map(({ nodeId }) => nodeId)
  return {
    meshgate: { version: VERSION, time },
    system: { kernel: release(), version: version(), os: readText('/etc/os-release') },
    config: configOf(context.configPath),
    findings: diagnose(await gatherFacts(context)),
    status,
    netcheck: await ask('/v1/netcheck'),
    plan: await ask('/v1/plan'),
    events: await ask('/v1/events'),
    why: await Promise.all(peers.map((peer) => ask(`/v1/why?peer=${encodeURIComponent(peer)}`))),
    journal: journal(),
    helperLog: readText(join(context.runDir, 'helper.log')).split('\n').slice(-JOURNAL_LINES),
  }
}

function configOf(path: string): unknown {
  const text = readText(path)
  try {
    return parse(text)
  } catch {
    // Not to be parsed, so not to be censored either.
    return `not TOML, ${text.length} characters`
  }
}

function journal(): string[] {
  const args = ['--no-pager', '--output', 'cat', '--lines', String(JOURNAL_LINES)]
  const units = ['-u', 'meshgate.service', '-u', 'meshgate-helper.service']
  const { stdout } = spawnSync('journalctl', [...args, ...units], { encoding: 'utf8' })
  return (stdout ?? '').split('\n')
}

/** Every text in the state's JSON files, where they can be read: none of it may be in a report. */
function secretsOf(stateDir: string): string[] {
  return ['node.json', 'authority.json'].flatMap((name) => {
    const text = readText(join(stateDir, name))
    return [...text.matchAll(/"([A-Za-z0-9+/=_-]{16,})"/g)].map(([, secret]) => secret ?? '')
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
