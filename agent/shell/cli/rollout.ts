// SPDX-License-Identifier: Apache-2.0
/** Restarts the members one after another, each drained before, and healthy again before the next one's turn. */
import { spawn } from 'node:child_process'
import { text as readAll } from 'node:stream/consumers'
import type { PeerStatus, Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { delay } from '../clock.ts'
import { Failure } from '../failure.ts'
import { type CommandContext, note, print } from './context.ts'
import { parseDuration, usage } from './option-values.ts'

const LOOK_MS = 500

interface RolloutOptions {
  /** Shell words that run what follows them on a member; {name} stands for it. */
  readonly over: string
  readonly only: readonly string[]
  /** Lines of shell there. */
  readonly restart: string
  readonly meshgate: string
  readonly wait: string
}

/** `meshgate rollout`. Throws Failure at the first member that does not come back, and leaves the others alone. */
export async function rollout(context: CommandContext, options: RolloutOptions): Promise<number> {
  const waitMs = parseDuration('--wait', options.wait)
  if (!options.over.includes('{name}'))
    throw usage(`--over ${options.over} names no host`, 'write {name} where its name belongs')
  const api = new ApiClient(context.runDir)
  const members = turnsOf(await api.get<Status>('/v1/status'), options.only)
  const done: { name: string; tookMs: number }[] = []
  for (const { name } of members) {
    const begunMs = performance.now()
    const before = await statusOn(name, options)
    note(context, `${name}: draining`)
    await on(name, `${options.meshgate} drain --wait`, options)
    note(context, `${name}: restarting`)
    await on(name, options.restart, options)
    await untilHealthy({ name, before, api, waitMs }, options)
    await on(name, `${options.meshgate} undrain`, options)
    const tookMs = Math.round(performance.now() - begunMs)
    note(context, `${name}: healthy after ${(tookMs / 1000).toFixed(1)} s`)
    done.push({ name, tookMs })
  }
  print(context, done, `${done.length} members restarted; this host's turn is yours to choose`)
  return 0
}

/** Hubs come last: what goes wrong shows itself where the fewest depend on it. */
export function turnsOf({ self, peers }: Status, only: readonly string[]): PeerStatus[] {
  const unknown = only.find((name) => !peers.some((peer) => peer.name === name))
  if (unknown !== undefined)
    throw new Failure('no-such-peer', `${unknown} is no other member of ${self.network}`, {
      remedy: '`meshgate peers` lists them; this host is restarted on it',
    })
  const chosen = peers.filter(({ name }) => only.length === 0 || only.includes(name))
  const dead = chosen.find(({ liveness, path }) => liveness !== 'alive' || path.kind === 'none')
  if (dead !== undefined)
    throw new Failure('unhealthy', `${dead.name} is not reached even before: ${dead.why}`, {
      remedy: 'mend that first, or name the members whose turn it is with --only',
    })
  return chosen.toSorted((a, b) => Number(a.hub) - Number(b.hub) || (a.name < b.name ? -1 : 1))
}

/** What a restarted member lacks, as it sees itself and as this host sees it; undefined if nothing. */
export function lacks(
  before: Status,
  now: Status,
  seen: PeerStatus | undefined,
): string | undefined {
  const { helper, neighbours } = now.self
  if (!helper.connected || helper.problem !== null)
    return `its helper: ${helper.problem ?? 'not connected'}`
  if (neighbours.length === 0) return 'a link to any member'
  const isReached = ({ peers }: Status, wanted: string) =>
    peers.some(({ name, path }) => name === wanted && path.kind !== 'none')
  const lost = before.peers.filter(({ name }) => isReached(before, name) && !isReached(now, name))
  if (lost.length > 0) return `a path to ${lost.map(({ name }) => name).join(', ')}`
  if (seen === undefined || seen.path.kind === 'none') return 'a path to this host'
  return seen.liveness === 'alive' ? undefined : 'signs of life over gossip'
}

interface Restarted {
  readonly name: string
  readonly before: Status
  readonly api: ApiClient
  readonly waitMs: number
}

async function untilHealthy(restarted: Restarted, options: RolloutOptions): Promise<void> {
  const { name, before, api, waitMs } = restarted
  const untilMs = performance.now() + waitMs
  for (;;) {
    const missing = await statusOn(name, options).then(
      async (now) => {
        const { peers } = await api.get<Status>('/v1/status')
        return lacks(
          before,
          now,
          peers.find((peer) => peer.name === name),
        )
      },
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    if (missing === undefined) return
    if (performance.now() > untilMs)
      throw new Failure('unhealthy', `${name} did not come back; it lacks ${missing}`, {
        remedy: `look at it: meshgate doctor there. It is still drained: ${options.meshgate} undrain`,
      })
    await delay(LOOK_MS)
  }
}

async function statusOn(name: string, options: RolloutOptions): Promise<Status> {
  return JSON.parse(await on(name, `${options.meshgate} status --json`, options)) as Status
}

/** Runs lines of shell on a member; returns what they printed. */
async function on(name: string, line: string, { over }: RolloutOptions): Promise<string> {
  const words = `${over.replaceAll('{name}', name)} "$1"`
  const child = spawn('sh', ['-c', words, 'sh', line], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [code, out, err] = await Promise.all([ended, readAll(child.stdout), readAll(child.stderr)])
  if (code === 0) return out
  const said = err.trim().split('\n').at(-1) ?? ''
  throw new Failure('remote-failed', `${name}: \`${line}\` ended with ${code}: ${said}`, {
    remedy: `try it by hand: ${over.replaceAll('{name}', name)} '${line}'`,
  })
}
