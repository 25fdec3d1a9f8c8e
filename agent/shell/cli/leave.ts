// SPDX-License-Identifier: Apache-2.0
import type { Left } from '../api/agent-api.ts'
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import { mayStartServices, stopServices } from './services.ts'
import { openState } from './state-owner.ts'
import { type CommandContext, print } from './context.ts'
import { requireMembership } from './membership.ts'

const NO_AGENT = 'No agent was running'

interface LeaveOptions {
  readonly destroyAuthority?: boolean
}

/** `meshgate leave`: over the running agent, so that the others hear of it; else on the disk alone. */
export async function leave(context: CommandContext, options: LeaveOptions): Promise<number> {
  const state = openState(context.stateDir)
  const { network, certificate } = requireMembership(state)
  const holdsAuthority = state.loadAuthorityKey() !== undefined
  if (holdsAuthority && options.destroyAuthority !== true)
    throw new Failure('holds-the-authority', "this host holds the network's own key", {
      remedy:
        'copy authority.json to another host first, or pass --destroy-authority: nobody can join any more',
    })
  const toldOthers = await leaveOverAgent(context, certificate.node)
  // The agent forgets all but the authority's key; without an agent there is everything to forget.
  state.leave({ evenTheAuthority: holdsAuthority })
  if (mayStartServices(context)) stopServices()
  const hint =
    toldOthers === true ? '' : ` ${toldOthers}: the others see this host fail, not leave.`
  print(
    context,
    { network: network.name, name: certificate.name, toldOthers: toldOthers === true },
    `left network ${network.name}.${hint}`,
  )
  return 0
}

/** True, or why no member has heard of it. */
async function leaveOverAgent(context: CommandContext, node: string): Promise<true | string> {
  const client = new ApiClient(context.runDir)
  try {
    const status = await client.get<{ self: { nodeId: string } }>('/v1/status')
    // Another member may run on this host, from another state directory.
    if (status.self.nodeId !== node) return NO_AGENT
    const { toldOthers } = await client.post<Left>('/v1/leave')
    return toldOthers || 'No member could be reached'
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return NO_AGENT
    throw error
  }
}
