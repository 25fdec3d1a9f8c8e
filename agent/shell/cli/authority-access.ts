// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../../topology/crypto.ts'
import { Authority, type AuthorityPowers } from '../authority/authority.ts'
import type { AuthorityStore } from '../authority/authority-store.ts'
import { Failure } from '../failure.ts'
import { authoritySigner } from '../authority/authority-signer.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { openStoreByHand } from '../authority/open-store.ts'
import { readConfig } from './configuration.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { openState } from './state-owner.ts'
import type { CommandContext } from './context.ts'
import { requireMembership } from './membership.ts'

export interface AuthorityAccess {
  readonly state: StateDir
  readonly membership: Membership
  readonly authority: Authority
  readonly powers: AuthorityPowers
  /** With the authority's key. */
  readonly signer: Signer
  readonly store: AuthorityStore
}

/** Works on the authority's own store, whether or not the agent runs. */
export async function withAuthority<T>(
  context: CommandContext,
  work: (access: AuthorityAccess) => Promise<T>,
): Promise<T> {
  const state = openState(context.stateDir)
  const membership = requireMembership(state)
  const key = state.loadAuthorityKey()
  if (key === undefined)
    throw new Failure('no-authority', "this host does not hold the network's key", {
      remedy: 'run this on the host on which `meshgate init` made the network',
    })
  const { authorityEtcd: etcd } = readConfig(context)
  const store = openStoreByHand(state, membership, { etcd })
  try {
    const { network } = membership
    const signer = authoritySigner(key, network)
    const powers = { network, signer, crypto: nodeCrypto, store }
    const authority = new Authority(powers)
    return await work({ state, membership, authority, powers, signer, store })
  } finally {
    store.close()
  }
}
