// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../state/config.ts'
import { Failure } from '../failure.ts'
import {
  helperAnswers,
  helperOfEarlierRun,
  launchHelper,
  stopHelper,
} from '../helper/launch-helper.ts'
import { refuseSecondAgent } from '../api/local-api.ts'
import { createLog, type Log, type LogLevel } from '../log.ts'
import { openPorts } from '../helper/open-ports.ts'
import { continueWithoutCapabilities, hasCapabilities, isRoot } from '../helper/privileges.ts'
import { StateDir } from '../state/state-dir.ts'
import { readConfig } from './configuration.ts'
import type { CommandContext } from './context.ts'
import { requireMembership } from './membership.ts'
import { reportFailure } from './report-failure.ts'

interface RunOptions {
  /** False with --no-helper. */
  readonly helper: boolean
  readonly logLevel?: LogLevel
}

/** Carries the helper's pid over the loss of privileges, so that the one who started it stops it. */
const HELPER_PID = 'MESHGATE_HELPER_PID'

/**
 * `meshgate run`. As root it starts the helper, then goes on as a process without capabilities; what
 * is wrong with state or configuration is said before anything is started.
 */
export async function run(context: CommandContext, options: RunOptions): Promise<number> {
  requireMembership(StateDir.open(context.stateDir))
  await refuseSecondAgent(join(context.runDir, 'agent.sock'))
  const config = readConfig(context)
  const log = createLog({ level: options.logLevel ?? config.logLevel })
  if (options.helper) {
    if (isRoot()) refuseForeignState(context.stateDir)
    const isPrivileged = isRoot() && hasCapabilities()
    const ports = isPrivileged ? openPorts(config) : []
    const pid = await requireHelper(context, config.engine)
    if (isPrivileged) {
      const environment = { ...process.env, [HELPER_PID]: pid?.toString() ?? '' }
      const args = [...process.argv.slice(2), '--no-helper']
      const problem = continueWithoutCapabilities(args, environment, ports)
      log.warn({ problem }, 'the agent goes on with the privileges of root')
    }
    process.env[HELPER_PID] = pid?.toString() ?? ''
  }
  process.exit(await runToTheEnd(context, config, log))
}

async function runToTheEnd(context: CommandContext, config: Config, log: Log): Promise<number> {
  const { stateDir, runDir } = context
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => (interrupted = true))
  const { runAgent } = await import('../agent.ts')
  let failed = false
  const agentOptions = {
    stateDir,
    runDir,
    config,
    log,
    readConfig: () => readConfig(context),
    endsHelper: Number(process.env[HELPER_PID]) > 0,
  }
  const code = await runAgent(agentOptions).catch((error: unknown) => {
    failed = true
    return reportFailure(error, context.json)
  })
  const pid = Number(process.env[HELPER_PID])
  // Stopped over the API the tunnels stay; whoever interrupts `run`, or leaves, wants all to end.
  const hasLeft = StateDir.open(stateDir).loadMembership() === undefined
  if ((interrupted || failed || hasLeft) && pid > 0) await stopHelper(pid, runDir)
  return code
}

/** The pid of the helper if it is this program's to stop. */
async function requireHelper(
  { runDir }: CommandContext,
  engine: Config['engine'],
): Promise<number | undefined> {
  if (await helperAnswers(runDir)) return helperOfEarlierRun(runDir)
  if (isRoot()) return launchHelper(runDir, engine)
  throw new Failure('no-helper', `no helper answers in ${runDir}, and only root may start one`, {
    remedy:
      'run this with sudo, or start meshgate-helper as a service with --allow-uid for this user',
  })
}

/** Without its capabilities root may read only what is its own. */
function refuseForeignState(stateDir: string): void {
  const { uid } = statSync(stateDir)
  if (uid === 0) return
  throw new Failure('foreign-state', `${stateDir} belongs to user ${uid}, not to root`, {
    remedy: `the agent gives up what root may do beyond its own files: chown -R root ${stateDir}`,
  })
}
