// SPDX-License-Identifier: Apache-2.0
import { readNamedFile } from './named-file.ts'

/** The etcd cluster on which authorities share a ledger, and the files of its TLS. */
export interface EtcdAccess {
  /** URLs of the members, any order; none: the ledger is a file of this host. */
  readonly endpoints: readonly string[]
  /** Who certifies the members; undefined: whom the system believes. */
  readonly ca?: string | undefined
  /** What this host shows to the members, and its key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

type EtcdKey = 'authority_etcd_ca' | 'authority_etcd_cert' | 'authority_etcd_key'
type EtcdConfig = { readonly [K in EtcdKey]?: string | undefined } & {
  readonly authority_etcd: readonly string[]
}

export interface EtcdProblem {
  readonly field: EtcdKey
  readonly value: string | null
  readonly problem: string
}

/** Judges what one key alone does not show. The files are read again with each call to the cluster: certificates are renewed. */
export function readEtcdAccess(config: EtcdConfig): {
  readonly access: EtcdAccess
  readonly problems: readonly EtcdProblem[]
} {
  const problems: EtcdProblem[] = []
  const bad = (field: EtcdKey) => (problem: string) =>
    void problems.push({ field, value: config[field] ?? null, problem })
  const {
    authority_etcd: endpoints,
    authority_etcd_ca: ca,
    authority_etcd_cert: cert,
    authority_etcd_key: key,
  } = config
  const speaksTls = endpoints.some((endpoint) => endpoint.startsWith('https:'))
  for (const field of ['authority_etcd_ca', 'authority_etcd_cert', 'authority_etcd_key'] as const) {
    const file = config[field]
    if (file === undefined) continue
    if (!speaksTls) bad(field)('is of no use without an https URL in authority_etcd')
    readNamedFile(file, bad(field), { isSecret: field === 'authority_etcd_key' })
  }
  if (cert !== undefined && key === undefined) bad('authority_etcd_key')('is missing')
  if (cert === undefined && key !== undefined) bad('authority_etcd_cert')('is missing')
  return { access: { endpoints, ca, cert, key }, problems }
}
