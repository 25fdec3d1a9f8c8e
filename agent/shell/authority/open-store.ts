// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { allDocuments } from './authority-backup.ts'
import type { AuthorityStore } from './authority-store.ts'
import { EtcdAuthorityStore, type EtcdStoreOptions } from './etcd-authority-store.ts'
import { openAuthorityStore } from './sqlite-authority-store.ts'

interface StoreOptions extends Omit<EtcdStoreOptions, 'endpoints' | 'soFar'> {
  readonly etcd: readonly string[]
}

/** The shared store if one is configured, else the file of this host. Throws StateFault. */
export function openStore(state: StateDir, { etcd, ...options }: StoreOptions): AuthorityStore {
  const file = state.authorityDbPath
  if (etcd.length === 0) return openAuthorityStore(file)
  const soFar = async () => (existsSync(file) ? documentsOf(file) : [])
  return new EtcdAuthorityStore({ ...options, endpoints: etcd, soFar })
}

/** The same for a person's command, which does not wait for an agent that leads. */
export function openStoreByHand(
  state: StateDir,
  { network, certificate }: Membership,
  etcd: readonly string[],
): AuthorityStore {
  const holder = `${certificate.name} by hand`
  return openStore(state, { network: network.id, etcd, holder, takesOver: true })
}

async function documentsOf(file: string): Promise<readonly (readonly [string, string])[]> {
  const store = openAuthorityStore(file)
  try {
    return await allDocuments(store)
  } finally {
    store.close()
  }
}
