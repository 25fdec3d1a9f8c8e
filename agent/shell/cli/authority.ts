// SPDX-License-Identifier: Apache-2.0
/** `meshgate authority`: the network's own key, kept safe and brought back. */
import { verifyRecord, recordCertificate } from '../../../topology/record-codec.ts'
import {
  adoptMembers,
  allDocuments,
  readBackup,
  writeBackup,
} from '../authority/authority-backup.ts'
import { issueCertificate } from '../authority/issue-certificate.ts'
import { EtcdAuthorityStore } from '../authority/etcd-authority-store.ts'
import { openStoreByHand } from '../authority/open-store.ts'
import { openAuthorityStore } from '../authority/sqlite-authority-store.ts'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { authoritySigner } from '../authority/authority-signer.ts'
import { nodeCrypto } from '../node-crypto.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { withAuthority } from './authority-access.ts'
import { readConfig } from './configuration.ts'
import { describeKey, keyText } from './delegation.ts'
import { type CommandContext, print } from './context.ts'
import { requireMembership } from './membership.ts'
import { openState } from './state-owner.ts'

/** `meshgate authority backup FILE` */
export async function backupAuthority(
  context: CommandContext,
  _options: object,
  file: string,
): Promise<number> {
  return withAuthority(context, async ({ state, membership, store }) => {
    const key = state.loadAuthorityKey()!
    const documents = await allDocuments(store)
    writeBackup(file, { ...key, network: membership.network, documents })
    const text = `${file} holds the key of network ${membership.network.name} and ${documents.length} entries: whoever has it can admit anybody`
    print(context, { file, entries: documents.length }, text)
    return 0
  })
}

/** `meshgate authority restore FILE`: this member becomes an authority, with what has happened since taken in. */
export async function restoreAuthority(
  context: CommandContext,
  _options: object,
  file: string,
): Promise<number> {
  const backup = readBackup(file)
  const state = openState(context.stateDir)
  const membership = requireMembership(state)
  if (membership.network.id !== backup.network.id)
    throw new Failure('wrong-network', 'the backup is of another network', {
      remedy: `join network ${backup.network.name} on this host first`,
    })
  const { authorityEtcd: etcd } = readConfig(context)
  if (etcd.endpoints.length === 0)
    openAuthorityStore(state.authorityDbPath, { create: true }).close()
  const store = openStoreByHand(state, membership, { etcd, bringsLedger: true })
  const now = readClock().wall
  const authority = authoritySigner(backup, membership.network)
  try {
    const shown = shownCertificates(state, membership)
    const { adopted, certificateBytes } = await store.documents((documents, ledger) => {
      // A shared store that is in use knows better than any backup.
      if (documents.get('serial') === undefined)
        for (const [key, value] of backup.documents) documents.put(key, value)
      const taken = adoptMembers(ledger, shown, now)
      const known = ledger.node(membership.certificate.node)
      const { token, awayMs, askedAt } = known ?? { token: null, awayMs: null, askedAt: now }
      const statement = { ...(known?.certificate ?? membership.certificate), authority: true }
      const issued = issueCertificate(ledger, statement, { awayMs, authority, now })
      ledger.putNode({ ...issued, token, awayMs, askedAt })
      return { adopted: taken, certificateBytes: issued.certificateBytes }
    })
    state.saveAuthorityKey({ seed: backup.seed, delegation: backup.delegation })
    state.saveMembership(membership.network, certificateBytes)
    const text = `this host is an authority of network ${membership.network.name}; ${adopted} members were newer than the backup\n\nRestart its agent: it answers for the network from then on.`
    print(context, { network: membership.network.name, adopted }, text)
    return 0
  } finally {
    store.close()
  }
}

/** `meshgate authority status` */
export async function authorityStatus(context: CommandContext): Promise<number> {
  return withAuthority(context, async ({ state, store, membership }) => {
    const key = describeKey(state.loadAuthorityKey()!, membership.network)
    if (!(store instanceof EtcdAuthorityStore)) {
      const text = `${keyText(key)}\nthe ledger is ${state.authorityDbPath}`
      print(context, { ...key, store: 'sqlite', path: state.authorityDbPath }, text)
      return 0
    }
    const status = await store.status()
    const lines = [keyText(key)]
    lines.push(
      ...status.members.map(
        ({ endpoint, healthy }) => `${endpoint}: ${healthy ? 'answers' : 'no answer'}`,
      ),
    )
    if (status.ledgerLost)
      lines.push(
        'it holds no ledger of this network: bring one back with `meshgate authority restore FILE`',
      )
    lines.push(status.quorum ? `${status.leader ?? 'nobody yet'} decides` : 'authority quorum lost')
    print(context, { ...key, store: 'etcd', ...status }, lines.join('\n'))
    return status.quorum && !status.ledgerLost ? 0 : 1
  })
}

/** What members have shown of themselves to this host, signed by the network's key. */
function shownCertificates(state: StateDir, { network }: Membership) {
  return state.loadRecords().flatMap((bytes) => {
    const record = verifyRecord(bytes, network, nodeCrypto, readClock().wall)
    const sealed = recordCertificate(bytes)
    if (!record.ok || sealed === undefined) return []
    return [{ certificate: record.value.certificate, bytes: sealed }]
  })
}
