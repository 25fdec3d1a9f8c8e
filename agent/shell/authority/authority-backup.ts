// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that makes an authority, as one file of mode 0600: the network's key, what the network is, and the ledger.
 *
 * ```
 * { "format": "meshgate authority backup", "version": 1,
 *   "content": { "seed": base64, "delegation": base64 if it is not the root's, "network": base64, "documents": [[key, value], ...] } }
 * ```
 * A backup is older than the network: restoring adopts whatever members have shown since, so that no name and no address
 * is given twice.
 */
import { z } from 'zod'
import type { WallTime } from '../../../nat/clock.ts'
import { ENVELOPE_BYTES_MAX } from '../../../topology/envelope.ts'
import type { Certificate } from '../../../topology/certificate.ts'
import { Failure } from '../failure.ts'
import { base64Bytes, toBase64 } from '../state/state-file.ts'
import { type NetworkKey, readKeyFile, writeKeyFile } from './key-file.ts'
import type { AuthorityLedger, AuthorityStore } from './authority-store.ts'
import { DOCUMENT_FAMILIES } from './document-ledger.ts'

const FORMAT = 'meshgate authority backup'

export interface AuthorityBackup extends NetworkKey {
  readonly delegation?: Uint8Array | undefined
  readonly documents: readonly (readonly [key: string, value: string])[]
}

const backupShape = {
  delegation: base64Bytes(1, ENVELOPE_BYTES_MAX.delegation).optional(),
  documents: z.array(z.tuple([z.string().max(256), z.string().max(65_536)])).max(1_000_000),
}

/** Everything in a ledger, as it is kept. */
export function allDocuments(store: AuthorityStore): Promise<AuthorityBackup['documents']> {
  return store.documents((documents) => [
    ...DOCUMENT_FAMILIES.flatMap((family) => documents.list(family)),
    ...[documents.get('serial')].flatMap((serial) =>
      serial === undefined ? [] : [['serial', serial] as const],
    ),
  ])
}

export function writeBackup(path: string, backup: AuthorityBackup): void {
  const { delegation, documents } = backup
  const delegated = delegation === undefined ? {} : { delegation: toBase64(delegation) }
  writeKeyFile(path, FORMAT, backup, { ...delegated, documents })
}

/** Throws Failure `bad-backup`, or StateFault if the file cannot be read. */
export function readBackup(path: string): AuthorityBackup {
  const backup = readKeyFile(path, FORMAT, backupShape)
  if (backup !== undefined) return { ...backup.more, seed: backup.seed, network: backup.network }
  throw new Failure('bad-backup', `${path} is not a whole backup of an authority`, {
    remedy: 'give a file that `meshgate authority backup` wrote',
  })
}

/** Members that the ledger does not know, or knows as they were: the certificate that each shows is ours, so it counts. */
export function adoptMembers(
  ledger: AuthorityLedger,
  shown: readonly { readonly certificate: Certificate; readonly bytes: Uint8Array }[],
  now: WallTime,
): number {
  let adopted = 0
  for (const { certificate, bytes } of shown) {
    const known = ledger.node(certificate.node)
    const isNews = known === undefined || known.certificate.serial < certificate.serial
    if (!isNews || ledger.revocation(certificate.node) !== undefined) continue
    const holder = ledger.nodeNamed(certificate.name)
    if (holder !== undefined && holder.certificate.node !== certificate.node) continue
    const { token, awayMs, askedAt } = known ?? { token: null, awayMs: null, askedAt: now }
    ledger.putNode({ certificate, certificateBytes: bytes, token, awayMs, askedAt })
    adopted += 1
  }
  return adopted
}
