// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import { helperAnswers, helperOfEarlierRun, stopHelper } from '../helper/launch-helper.ts'
import { type CommandContext, print } from './context.ts'
import { mayStartServices, stopServicesForNow } from './services.ts'

/** `meshgate agent stop`: the tunnels stay, and the helper goes on switching between the paths that it has. */
export async function stopAgent(context: CommandContext): Promise<number> {
  if (mayStartServices(context)) stopServicesForNow('agent')
  else await new ApiClient(context.runDir).post('/v1/stop')
  const told = 'the agent stops; the tunnels stay as they are, and `meshgate stop` would end them'
  print(context, { agent: 'stopped', helper: 'running' }, told)
  return 0
}

/** `meshgate stop`: agent and helper, and with them device, routes and tunnels, once others have moved away. The membership stays. */
export async function stop(context: CommandContext): Promise<number> {
  if (mayStartServices(context)) stopServicesForNow('all')
  else await stopBoth(context)
  print(
    context,
    { agent: 'stopped', helper: 'stopped' },
    'agent and helper have stopped: no packet goes through until `meshgate run`',
  )
  return 0
}

async function stopBoth({ runDir }: CommandContext): Promise<void> {
  const hadAgent = await stopIfRunning(runDir)
  const pid = helperOfEarlierRun(runDir)
  if (pid !== undefined) return stopHelper(pid, runDir)
  if (await helperAnswers(runDir))
    throw new Failure(
      'foreign-helper',
      `the helper in ${runDir} was not started by \`meshgate run\``,
      {
        remedy: 'stop the service that runs it: sudo systemctl stop meshgate-helper',
      },
    )
  if (!hadAgent)
    throw new Failure('no-agent', `neither agent nor helper runs in ${runDir}`, {
      remedy: 'name the directory of the one that you mean with --run-dir',
    })
}

async function stopIfRunning(runDir: string): Promise<boolean> {
  try {
    await new ApiClient(runDir).post('/v1/stop', { helper: true })
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return false
    throw error
  }
}
