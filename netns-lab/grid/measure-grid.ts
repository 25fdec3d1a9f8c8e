// SPDX-License-Identifier: Apache-2.0
import { type Capability, expectedPath, type GridPath } from '../expected-grid.ts'
import { startLab } from '../lab.ts'
import type { Member } from '../member.ts'
import type { NatKindName } from '../nat-kinds.ts'
import { someAtOnce } from '../some-at-once.ts'
import { until } from '../until.ts'
import { startGridNetwork } from './grid-network.ts'
import { gridDescription, type GridPart, type GridSite, gridSites } from './grid-site.ts'
import { pairMs, type PathLog, readPathLog } from './path-log.ts'
import { gridPath, type MemberView, viewOf } from './path-proof.ts'

/** One pair of hosts: row is of side a, column of side b. */
export interface GridCell {
  readonly row: NatKindName
  readonly column: NatKindName
  /** What each side's status says. */
  readonly paths: readonly [GridPath, GridPath]
  /** Whether each side's ping was answered over the mesh. */
  readonly answered: readonly [boolean, boolean]
  /** From both agents' running to a path of any kind, and to a direct one. */
  readonly firstMs: number | undefined
  readonly directMs: number | undefined
  readonly why: readonly [string, string]
}

export interface GridOptions {
  readonly part: GridPart
  readonly has: ReadonlySet<Capability>
  readonly say: (line: string) => void
  /** Keeps logs and packet traces. */
  readonly evidence?: boolean
}

/** Once all that should come has come, what should not come has so much longer to prove theory wrong. */
const graceMs = 20_000
/** Longer than a round of checks and the pause before the next one. */
const settleDeadlineMs = 90_000
/** The same for searches, which the pairs of one host take turns with, and which come again after one and two minutes. */
const searchDeadlineMs = 300_000

/** For a first path of any kind; ten times what is aimed at. */
const meetDeadlineMs = 20_000

/** They mostly wait for pings that are not answered. */
const askingAtOnce = 7

/** Brings up the network in a lab of its own, waits until it has settled, and reads off every pair. */
export async function measureGrid(options: GridOptions): Promise<GridCell[]> {
  const sites = gridSites(options.part)
  const lab = await startLab(gridDescription(sites, options.has))
  const interrupt = () => void lab.stop().then(() => process.exit(130))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const members = await startGridNetwork({
      lab,
      sites,
      has: options.has,
      say: options.say,
      // More than enough for a first path; settling waits for direct ones.
      met: (among, some) =>
        missingPaths(some, among, options.has, { deadlineMs: meetDeadlineMs, only: 'firstAt' }),
    })
    await settle(sites, members, options)
    const views = await viewsOf(sites, members)
    const logs = await logsOf(sites, members)
    if (options.evidence === true) options.say(`logs and trace: ${await lab.saveEvidence()}`)
    return pairsOf(sites).map(([a, b]) => cellOf(a, b, views, logs))
  } catch (error) {
    options.say(`logs and trace: ${await lab.saveEvidence().catch(String)}`)
    throw error
  } finally {
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt)
    await lab.stop()
  }
}

interface Patience {
  readonly deadlineMs: number
  /** Content with a path of any kind. */
  readonly only?: 'firstAt'
}

/** How many of the paths that theory is sure of are not there at the deadline, of how many. */
async function missingPaths(
  sites: readonly GridSite[],
  members: ReadonlyMap<string, Member>,
  has: ReadonlySet<Capability>,
  { deadlineMs, only }: Patience,
): Promise<readonly [number, number]> {
  // What is left to chance need not come.
  const wanted = pairsOf(sites).flatMap(([a, b]) => {
    const surely = expectedPath(a.kind, b.kind, has).paths.at(-1)
    if (surely === 'none') return []
    return [[a, b, only ?? (surely === 'direct' ? 'directAt' : 'firstAt')] as const]
  })
  const missing = async () => {
    const logs = await logsOf(sites, members)
    return wanted.filter(
      ([a, b, which]) => pairMs(entry(logs, a.host), entry(logs, b.host), which) === undefined,
    )
  }
  await until(async () => (await missing()).length === 0, {
    deadlineMs,
    what: 'every pair that should meet has met',
    pollMs: 1000,
  }).catch(() => undefined)
  return [(await missing()).length, wanted.length]
}

async function settle(
  sites: readonly GridSite[],
  members: ReadonlyMap<string, Member>,
  { has, say }: GridOptions,
): Promise<void> {
  const startedAt = performance.now()
  const [missing, wanted] = await missingPaths(sites, members, has, {
    deadlineMs: has.has('birthday') ? searchDeadlineMs : settleDeadlineMs,
  })
  const tookS = ((performance.now() - startedAt) / 1000).toFixed(0)
  say(`${missing} of ${wanted} expected paths missing after ${tookS} s`)
  const graceEnd = performance.now() + graceMs
  await until(() => performance.now() > graceEnd, {
    deadlineMs: graceMs + 1000,
    what: 'the grace is over',
    pollMs: 1000,
  })
}

function pairsOf(sites: readonly GridSite[]): (readonly [GridSite, GridSite])[] {
  const rows = sites.filter(({ side }) => side === 'a')
  const columns = sites.filter(({ side }) => side === 'b')
  return rows.flatMap((row) => columns.map((column) => [row, column] as const))
}

/** A few at a time: each asks everybody of the other side. */
async function viewsOf(
  sites: readonly GridSite[],
  members: ReadonlyMap<string, Member>,
): Promise<ReadonlyMap<string, MemberView>> {
  const views = new Map<string, MemberView>()
  await someAtOnce(askingAtOnce, sites, async ({ host, side }) => {
    const others = sites.filter((other) => other.side !== side).map((other) => other.host)
    views.set(host, await viewOf(members.get(host)!, new Set(others)))
  })
  return views
}

async function logsOf(
  sites: readonly GridSite[],
  members: ReadonlyMap<string, Member>,
): Promise<ReadonlyMap<string, PathLog>> {
  return new Map(
    await Promise.all(
      sites.map(async ({ host }) => [host, await readPathLog(members.get(host)!)] as const),
    ),
  )
}

function cellOf(
  a: GridSite,
  b: GridSite,
  views: ReadonlyMap<string, MemberView>,
  logs: ReadonlyMap<string, PathLog>,
): GridCell {
  const [fromA, fromB] = [views.get(a.host)!, views.get(b.host)!]
  const [toB, toA] = [fromA.paths.get(b.host), fromB.paths.get(a.host)]
  const [logA, logB] = [entry(logs, a.host), entry(logs, b.host)]
  return {
    row: a.kind,
    column: b.kind,
    paths: [gridPath(toB), gridPath(toA)],
    answered: [fromA.answering.has(b.host), fromB.answering.has(a.host)],
    firstMs: pairMs(logA, logB, 'firstAt'),
    directMs: pairMs(logA, logB, 'directAt'),
    why: [toB?.why ?? 'knows no such peer', toA?.why ?? 'knows no such peer'],
  }
}

function entry<T>(map: ReadonlyMap<string, T>, key: string): readonly [string, T] {
  return [key, map.get(key)!]
}
