// SPDX-License-Identifier: Apache-2.0
import type { StateDir } from '../state/state-dir.ts'
import type { AuthorityStore } from './authority-store.ts'
import { EtcdAuthorityStore } from './etcd-authority-store.ts'
import { openAuthorityStore } from './sqlite-authority-store.ts'

/** The shared store if one is configured, else the file of this host. Throws StateFault. */
export function openStore(
  state: StateDir,
  { network, etcd, holder }: { network: string; etcd: readonly string[]; holder: string },
): AuthorityStore {
  return etcd.length === 0
    ? openAuthorityStore(state.authorityDbPath)
    : new EtcdAuthorityStore({ endpoints: etcd, network, holder })
}
