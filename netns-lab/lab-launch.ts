// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { detachWord, type StartAnswer, type StartedNode } from './control-protocol.ts'
import type { LabPlan } from './lab-plan.ts'
import { requireTools } from './machine-check.ts'
import { wireProgram } from './wire-build.ts'

/** Labs' state directories, by name; inside a host only its own part of it is visible, at the same path. */
export const labsDir = '/run/lab'
/** Where a lab's processes find the machine's own /proc while it comes up, in their private mount namespace. */
const outerProc = `${labsDir}/.outer-proc`
/** A daemon that has not ended by then is killed, with everything in the lab. */
const endDeadlineMs = 15_000

/**
 * The init of the lab's pid namespace. It reaps orphans, and when the daemon ends, by whatever signal, it kills all that
 * is left and removes the state directory. The check of its own pid keeps "all" from ever meaning the whole machine.
 */
const initScript = `
[ "$$" = 1 ] || exit 1
state=$1 outer_proc=$2 node=$3 daemon=$4
mount -n --bind /proc "$outer_proc" && mount -n -t proc lab-proc /proc || exit 1
exec 3<&0
"$node" "$daemon" <&3 3<&- &
exec 3<&- </dev/null
wait $!
code=$?
umount -n -l "$outer_proc"
kill -KILL -1 2>/dev/null
cd / && rm -rf -- "$state"
exit $code`

/** Thrown when a lab was told to end before it was up. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
}

export interface LaunchedLab {
  readonly stateDir: string
  readonly nodes: readonly StartedNode[]
  /** The process whose death ends the lab. */
  readonly pid: number
  /** Lets the lab outlive this process. */
  detach(): void
  /** Ends the lab, and resolves once its last process is gone. */
  kill(): Promise<void>
}

/**
 * Brings up a planned lab. It dies with this process unless `detach` is called.
 * Throws without leaving anything behind if the lab does not come up or `signal` aborts.
 */
export async function launchLab(
  plan: LabPlan,
  stateDir: string,
  signal?: AbortSignal,
): Promise<LaunchedLab> {
  let wire: string | undefined
  try {
    await requireTools(plan)
    wire = plan.links.some(({ emulate }) => emulate) ? await wireProgram() : undefined
    await mkdir(outerProc, { recursive: true })
    throwIfInterrupted(signal)
  } catch (error) {
    await rm(stateDir, { recursive: true, force: true })
    throw error
  }
  const log = openSync(`${stateDir}/lab.log`, 'a')
  // Opened now: a lab that ends takes its state directory along.
  const said = openSync(`${stateDir}/lab.log`, 'r')
  const initArgs = [stateDir, outerProc, projectNode, daemonFile]
  const init = spawn(
    'unshare',
    [...namespaces, ...initCommand, ...initArgs],
    // A session of its own: a terminal's Ctrl-C reaches the driver, which decides.
    { stdio: ['pipe', 'pipe', log], detached: true },
  )
  closeSync(log)
  const { stdin: input, stdout: output } = init
  if (input === null || output === null) throw new Error('the lab has no pipes to its driver')
  // Writing to a lab that has just died is not this process's fault; its end is noticed by its output.
  input.on('error', () => undefined)
  const gone = new Promise<void>((resolve) => init.once('close', () => resolve()))
  const kill = async () => {
    input.destroy()
    const timer = setTimeout(() => init.kill('SIGKILL'), endDeadlineMs)
    await gone
    clearTimeout(timer)
  }
  signal?.addEventListener('abort', () => void kill())
  input.write(`${JSON.stringify({ plan, stateDir, outerProc, wireProgram: wire })}\n`)
  const answer = await firstAnswer(output, stateDir, said).finally(() => closeSync(said))
  if (isInterrupted(signal) || !answer.ok) await kill()
  throwIfInterrupted(signal)
  if (!answer.ok) throw new Error(answer.error)
  return {
    stateDir,
    nodes: answer.nodes,
    pid: init.pid ?? 0,
    kill,
    detach: () => {
      input.end(`${detachWord}\n`)
      output.destroy()
      init.unref()
    },
  }
}

function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (isInterrupted(signal)) throw new InterruptedError('interrupted')
}

function isInterrupted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

const initCommand = ['sh', '-c', initScript, 'lab-init']
const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child']
const daemonFile = fileURLToPath(new URL('./lab-daemon.ts', import.meta.url))
/** The project's own Node: the one that runs a test may be too old to run TypeScript. */
const projectNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

async function firstAnswer(output: Readable, stateDir: string, said: number): Promise<StartAnswer> {
  const line = await new Promise<string | undefined>((resolve) => {
    createInterface(output)
      .once('line', resolve)
      .once('close', () => resolve(undefined))
  })
  if (line !== undefined) return JSON.parse(line) as StartAnswer
  const log = readFileSync(said, 'utf8')
  await rm(stateDir, { recursive: true, force: true })
  return { ok: false, error: `the lab ended while coming up\n${log}`.trim() }
}
