// SPDX-License-Identifier: Apache-2.0
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import { mayStartServices, stopServices } from './services.ts'
import { openState } from './state-owner.ts'
import { type CommandContext, print } from './context.ts'
import { requireMembership } from './membership.ts'

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
  const hint = toldOthers ? '' : ' No agent was running: the others see this host fail, not leave.'
  print(
    context,
    { network: network.name, name: certificate.name, toldOthers },
    `left network ${network.name}.${hint}`,
  )
  return 0
}

async function leaveOverAgent(context: CommandContext, node: string): Promise<boolean> {
  const client = new ApiClient(context.runDir)
  try {
    const status = await client.get<{ self: { nodeId: string } }>('/v1/status')
    // Another member may run on this host, from another state directory.
    if (status.self.nodeId !== node) return false
    await client.post('/v1/leave')
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return false
    throw error
  }
}
