// SPDX-License-Identifier: Apache-2.0
import { Authority } from '../authority/authority.ts'
import type { AuthorityStore } from '../authority/authority-store.ts'
import { Failure } from '../failure.ts'
import { nodeCrypto, signerOf } from '../node-crypto.ts'
import { openAuthorityStore } from '../authority/sqlite-authority-store.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { openState } from './state-owner.ts'
import type { CommandContext } from './context.ts'
import { requireMembership } from './membership.ts'

export interface AuthorityAccess {
  readonly state: StateDir
  readonly membership: Membership
  readonly authority: Authority
  readonly store: AuthorityStore
}

/** Works on the authority's own store, whether or not the agent runs. */
export function withAuthority<T>(context: CommandContext, work: (access: AuthorityAccess) => T): T {
  const state = openState(context.stateDir)
  const membership = requireMembership(state)
  const seed = state.loadAuthoritySeed()
  if (seed === undefined)
    throw new Failure('no-authority', "this host does not hold the network's key", {
      remedy: 'run this on the host on which `meshgate init` made the network',
    })
  const store = openAuthorityStore(state.authorityDbPath)
  try {
    const { network } = membership
    const authority = new Authority({
      network,
      signer: signerOf(seed),
      crypto: nodeCrypto,
      store,
    })
    return work({ state, membership, authority, store })
  } finally {
    store.close()
  }
}
