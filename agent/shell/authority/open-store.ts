// SPDX-License-Identifier: Apache-2.0
import { existsSync, renameSync } from 'node:fs'
import { Failure } from '../failure.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { allDocuments } from './authority-backup.ts'
import type { AuthorityStore } from './authority-store.ts'
import {
  type EarlierLedger,
  EtcdAuthorityStore,
  type EtcdStoreOptions,
} from './etcd-authority-store.ts'
import { openAuthorityStore } from './sqlite-authority-store.ts'

interface StoreOptions extends Omit<EtcdStoreOptions, 'earlier'> {
  /** Whoever opens it brings the ledger, if the cluster has none. */
  readonly bringsLedger?: boolean
}

/** The shared store if one is configured, else the file of this host. Throws StateFault. */
export function openStore(
  state: StateDir,
  { etcd, bringsLedger = false, ...options }: StoreOptions,
): AuthorityStore {
  if (etcd.endpoints.length === 0) return openAuthorityStore(state.authorityDbPath)
  const earlier = ledgerFile(state, bringsLedger)
  return new EtcdAuthorityStore({ ...options, etcd, earlier })
}

/** The same for a person's command, which does not wait for an agent that leads. */
export function openStoreByHand(
  state: StateDir,
  { network, certificate }: Membership,
  options: Pick<StoreOptions, 'etcd' | 'bringsLedger'>,
): AuthorityStore {
  const holder = `${certificate.name} by hand`
  return openStore(state, { ...options, network: network.id, holder, takesOver: true })
}

/**
 * The file that this host had before the cluster. It is taken in once: a cluster that is empty later on has lost what
 * was decided since, and to begin with the old file again would give names and addresses twice.
 */
function ledgerFile(state: StateDir, mayBeMissing: boolean): EarlierLedger {
  const path = state.authorityDbPath
  const isMissing = () => !mayBeMissing && !existsSync(path)
  return {
    isMissing,
    documents: async () => {
      if (existsSync(path)) return documentsOf(path)
      if (!isMissing()) return []
      throw new Failure('ledger-lost', 'the etcd cluster holds no ledger of this network', {
        remedy:
          'see that authority_etcd names the cluster that had it; if its data is lost, bring it back with `meshgate authority restore FILE`',
      })
    },
    superseded: () => setAside(path),
  }
}

/** What was committed stands, whether or not the file can be moved: the next decision tries again. */
function setAside(path: string): void {
  // With what SQLite keeps beside it after a kill: left alone, that would be taken for a later file's.
  for (const suffix of ['', '-wal', '-shm'])
    try {
      const from = `${path}${suffix}`
      if (existsSync(from)) renameSync(from, `${path}.superseded${suffix}`)
    } catch {
      return
    }
}

async function documentsOf(file: string): Promise<readonly (readonly [string, string])[]> {
  const store = openAuthorityStore(file)
  try {
    return await allDocuments(store)
  } finally {
    store.close()
  }
}
