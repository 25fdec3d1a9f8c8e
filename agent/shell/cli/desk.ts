// SPDX-License-Identifier: Apache-2.0
import type { Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { apiDesk } from '../api/api-desk.ts'
import type { AdminDesk } from '../authority/admin-desk.ts'
import { bootstrapMembers } from '../authority/bootstrap-members.ts'
import { LedgerDesk } from '../authority/ledger-desk.ts'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { StateFault } from '../state/state-fault.ts'
import { withAuthority } from './authority-access.ts'
import { readConfig } from './configuration.ts'
import type { CommandContext } from './context.ts'
import { openState } from './state-owner.ts'

/** The running agent's desk; before an agent runs, the same on the ledger itself. */
export async function withDesk<T>(
  context: CommandContext,
  work: (desk: AdminDesk) => Promise<T>,
): Promise<T> {
  const client = new ApiClient(context.runDir)
  if (await isOurs(client, context)) return work(apiDesk(client))
  return withAuthority(context, async ({ state, membership, authority, powers }) =>
    work(
      new LedgerDesk({
        powers,
        authority,
        wallTime: () => readClock().wall,
        bootstrap: (given) => {
          const now = readClock().wall
          return bootstrapMembers({ config: readConfig(context), state, membership, given, now })
        },
        // Once an agent runs here it reads the ledger, and tells them.
        announce: async () => false,
        isAlive: async () => false,
      }),
    ),
  )
}

/** Another network's agent may run on this host, from another state directory: it must not be taken for ours. */
async function isOurs(client: ApiClient, context: CommandContext): Promise<boolean> {
  try {
    const { self } = await client.get<Status>('/v1/status')
    const network = networkOf(context.stateDir)
    return network === 'unreadable' || network === self.networkId
  } catch (error) {
    if (error instanceof Failure && error.code === 'no-agent') return false
    throw error
  }
}

/** Whoever may open the agent's socket need not be able to read its state. */
function networkOf(stateDir: string): string | undefined {
  try {
    return openState(stateDir).loadMembership()?.network.id
  } catch (error) {
    if (error instanceof StateFault) return 'unreadable'
    throw error
  }
}
