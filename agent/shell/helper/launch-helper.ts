// SPDX-License-Identifier: Apache-2.0
/**
 * Starts the helper for `meshgate run`, in a session of its own: it outlives a killed agent, so that
 * the tunnels do, and the next `run` finds it by its pid file. What runs is a supervisor that starts the helper again when
 * it dies: the agent has no privilege left to do that.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { delay } from '../clock.ts'
import { Failure } from '../failure.ts'
import { socketAnswers } from '../socket-answers.ts'

const START_DEADLINE_MS = 10_000
const STOP_DEADLINE_MS = 5_000
const POLL_MS = 20

/** Beside the agent's own, unless a service puts it elsewhere: its directory is then the helper's alone. */
export function helperSocketPath(runDir: string): string {
  return process.env['MESHGATE_HELPER_SOCKET'] ?? join(runDir, 'helper.sock')
}

/** Whether a helper listens there. */
export function helperAnswers(runDir: string): Promise<boolean> {
  return socketAnswers(helperSocketPath(runDir))
}

/** Resolves to its pid once it listens. Throws Failure with the last words of its log. */
export async function launchHelper(runDir: string, engine: string): Promise<number> {
  const program = helperProgram()
  mkdirSync(runDir, { recursive: true, mode: 0o755 })
  const logPath = join(runDir, 'helper.log')
  // A file, not a pipe: a pipe that nobody reads any more would kill it.
  const log = openSync(logPath, 'w', 0o640)
  const options = ['--supervise', '--engine', engine, '--socket', helperSocketPath(runDir)]
  const child = spawn(program, options, {
    detached: true,
    stdio: ['ignore', log, log],
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`))
  })
  const deadlineMs = performance.now() + START_DEADLINE_MS
  for (;;) {
    const end = await Promise.race([ended, delay(POLL_MS)])
    if (end === undefined && (await helperAnswers(runDir))) break
    if (end !== undefined || performance.now() > deadlineMs)
      throw new Failure(
        'helper-failed',
        `the helper did not start: ${end ?? 'it does not listen'}`,
        {
          remedy: lastLineOf(logPath) || `see ${logPath}`,
        },
      )
  }
  child.unref()
  const pid = child.pid!
  writeFileSync(pidPath(runDir), `${pid}\n`)
  return pid
}

/** The helper that an earlier `run` left behind; undefined if it is somebody else's to stop. */
export function helperOfEarlierRun(runDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidPath(runDir), 'utf8'))
    const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? ''
    return program.endsWith('meshgate-helper') ? pid : undefined
  } catch {
    return undefined
  }
}

/** Ends it and waits until it has taken its device down. Needs only the same uid. */
export async function stopHelper(pid: number, runDir: string): Promise<void> {
  try {
    process.kill(pid, 'SIGTERM')
  } catch {
    return
  }
  const deadlineMs = performance.now() + STOP_DEADLINE_MS
  while ((await helperAnswers(runDir)) && performance.now() < deadlineMs) await delay(POLL_MS)
  rmSync(pidPath(runDir), { force: true })
}

/** Beside the bundle, or where the build puts it when the sources are run. */
export function helperProgram(): string {
  const here = dirname(process.argv[1] ?? '')
  const places = [join(here, 'meshgate-helper'), join(here, '../../dist/meshgate-helper')]
  const program = process.env['MESHGATE_HELPER'] ?? places.find((place) => existsSync(place))
  if (program !== undefined) return program
  throw new Failure('helper-missing', `there is no meshgate-helper in ${here}`, {
    remedy: 'build it with `npm run build`, or name it in MESHGATE_HELPER',
  })
}

function pidPath(runDir: string): string {
  return join(runDir, 'helper.pid')
}

function lastLineOf(path: string): string {
  return readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? ''
}
