// SPDX-License-Identifier: Apache-2.0
/** What follows a new membership: services that start, and the wait for the first peer that can be reached. */
import type { Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { delay } from '../clock.ts'
import { Failure } from '../failure.ts'
import { type CommandContext, note } from './context.ts'
import { startServices } from './services.ts'
import { describePath } from './status.ts'

const CONTACT_MS = 60_000
const POLL_MS = 250

/** agent: it runs, with its helper. peer: one can be reached. */
export type Goal = 'agent' | 'peer'

/** Starts the services, and tells how far things are. Throws Failure with what is missing. */
export async function startAndWait(context: CommandContext, goal: Goal): Promise<void> {
  note(context, 'starting meshgate-helper.service and meshgate.service')
  startServices()
  const client = new ApiClient(context.runDir)
  const deadlineMs = performance.now() + CONTACT_MS
  let said = ''
  for (;;) {
    const stage = stageOf(await statusOf(client), goal)
    if (stage.text !== said) note(context, `  ${stage.text}`)
    said = stage.text
    if (stage.reached) return
    if (performance.now() > deadlineMs) throw new Failure('no-contact', stage.text, stage)
    await delay(POLL_MS)
  }
}

export interface Stage {
  readonly reached: boolean
  readonly text: string
  /** What to do if it goes no further. */
  readonly remedy: string
}

/** How far a starting agent is; undefined: it does not answer yet. */
export function stageOf(status: Status | undefined, goal: Goal): Stage {
  const waiting = (text: string, remedy: string): Stage => ({ reached: false, text, remedy })
  if (status === undefined)
    return waiting('the agent does not answer yet', 'see its log: journalctl -u meshgate')
  const { self, peers } = status
  if (!self.helper.connected)
    return waiting(
      `the agent runs; no helper yet: ${self.helper.problem ?? 'not connected'}`,
      'see its log: journalctl -u meshgate-helper',
    )
  if (self.helper.problem !== null)
    return waiting(`the helper says: ${self.helper.problem}`, '`meshgate doctor` knows more')
  if (goal === 'agent') return { reached: true, text: 'agent and helper run', remedy: '' }
  const met = peers.find(({ path }) => path.kind !== 'none')
  if (met !== undefined)
    return { reached: true, text: `${met.name} is reached: ${describePath(met.path)}`, remedy: '' }
  if (self.neighbours.length === 0)
    return waiting(
      'no link to any member yet',
      'is the member that made the token up, and does its firewall let in its TCP port? `meshgate doctor` checks this side',
    )
  const [peer] = peers
  const sentence = peer === undefined ? 'waiting for news of the others' : peer.why
  return waiting(
    `linked to ${self.neighbours.join(', ')}; ${sentence}`,
    '`meshgate why PEER` says what stands in the way',
  )
}

async function statusOf(client: ApiClient): Promise<Status | undefined> {
  try {
    return await client.get<Status>('/v1/status')
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return undefined
    throw error
  }
}
