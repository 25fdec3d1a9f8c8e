// SPDX-License-Identifier: Apache-2.0
/** Join requests on a host that holds the authority's key. */
import type { Network } from '../../../topology/network.ts'
import { REPLY_RECORDS_MAX } from '../../../topology/join-reply.ts'
import { sortedEntries, type View } from '../../../topology/view.ts'
import { Authority } from './authority.ts'
import { readClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { nodeCrypto, signerOf } from '../node-crypto.ts'
import { openAuthorityStore } from './sqlite-authority-store.ts'
import type { StateDir } from '../state/state-dir.ts'

export interface JoinDesk {
  answer(request: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** Undefined on a host that is no authority. Throws StateFault. */
export function openJoinDesk(
  state: StateDir,
  network: Network,
  { view, log }: { readonly view: () => View; readonly log: Log },
): JoinDesk | undefined {
  const seed = state.loadAuthoritySeed()
  if (seed === undefined) return undefined
  const store = openAuthorityStore(state.authorityDbPath)
  const authority = new Authority({
    network,
    signer: signerOf(seed),
    crypto: nodeCrypto,
    store,
  })
  return {
    answer: async (request) => {
      const reply = authority.judge(request, readClock().wall, startingRecords(view()))
      log.info({ bytes: reply.length }, 'join request answered')
      return reply
    },
    close: () => store.close(),
  }
}

/** Whom a new member can dial and ask for its mapping before it knows anybody. */
function startingRecords(view: View): Uint8Array[] {
  return sortedEntries(view)
    .filter(({ record }) => record.present && record.dialAddresses.length > 0)
    .slice(0, REPLY_RECORDS_MAX)
    .map(({ envelope }) => envelope.bytes)
}
