// SPDX-License-Identifier: Apache-2.0
/** etcd that speaks TLS and asks its clients for a certificate, as operators run it. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EtcdClient } from '../../agent/shell/authority/etcd-client.ts'
import { parseConfig } from '../../agent/shell/state/config.ts'
import { caFileName, LabAuthority } from '../../netns-lab/lab-authority.ts'
import { temporaryDirectory } from '../agent/shell/temporary-directory.ts'
import { EtcdCluster, type EtcdTls } from './etcd-cluster.ts'

const root = mkdtempSync(join(tmpdir(), 'meshgate-etcd-tls-'))

/** An authority, and a member's certificate of it. */
async function certified(name: string): Promise<EtcdTls> {
  const directory = join(root, name)
  mkdirSync(join(directory, 'hosts', 'one'), { recursive: true })
  const authority = new LabAuthority(directory)
  await authority.open([])
  await authority.certify('one', 'etcd', ['127.0.0.1'])
  const { certificate: cert, key } = authority.files('one', 'etcd')
  return { ca: join(directory, caFileName), cert, key }
}

let cluster: EtcdCluster
let own: EtcdTls
let foreign: EtcdTls

beforeAll(async () => {
  ;[own, foreign] = (await Promise.all(['own', 'foreign'].map(certified))) as [EtcdTls, EtcdTls]
  cluster = await EtcdCluster.start({ size: 1, tls: own })
}, 30_000)

afterAll(async () => {
  await cluster?.stop()
  rmSync(root, { recursive: true, force: true })
})

/** What the configuration makes of these files. */
function configured(files: Partial<EtcdTls>) {
  const lines = Object.entries(files).map(([key, file]) => `authority_etcd_${key} = "${file}"`)
  const parsed = parseConfig(
    `authority_etcd = ${JSON.stringify(cluster.endpoints)}\n${lines.join('\n')}`,
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return new EtcdClient(parsed.value.authorityEtcd)
}

test('is spoken to with its authority and a certificate of ours', async () => {
  const client = configured(own)
  await client.commit([], [{ key: 'a', value: 'b', lease: await client.grantLease(60) }])
  expect(await client.get('a')).toMatchObject({ value: 'b' })
  expect(await client.health()).toEqual([{ endpoint: cluster.endpoints[0], healthy: true }])
})

test.each([
  ['by the system', () => ({ cert: own.cert, key: own.key }), /certificate/],
  ['by another authority', () => ({ ...own, ca: foreign.ca }), /certificate/],
  ['without a certificate of ours', () => ({ ca: own.ca }), /alert|certificate/],
  [
    'with a certificate of another authority',
    () => ({ ...foreign, ca: own.ca }),
    /alert|certificate/,
  ],
])('is not believed, or does not answer, %s: the reason is told', async (_, files, reason) => {
  const client = configured(files())
  await expect(client.get('a')).rejects.toMatchObject({
    code: 'no-quorum',
    message: expect.stringMatching(reason),
    remedy: expect.stringContaining('authority_etcd_ca'),
  })
  expect(await client.health()).toMatchObject([{ healthy: false }])
})

test('a certificate that is renewed is used without a restart', async () => {
  const directory = temporaryDirectory()
  const file = (name: keyof EtcdTls) => join(directory, name)
  const take = (tls: EtcdTls) => {
    for (const name of ['cert', 'key'] as const) {
      writeFileSync(file(name), '', { mode: 0o600 })
      copyFileSync(tls[name], file(name))
    }
  }
  take(foreign)
  const client = configured({ ca: own.ca, cert: file('cert'), key: file('key') })
  await expect(client.get('a')).rejects.toMatchObject({ code: 'no-quorum' })
  take(own)
  expect(await client.get('health')).toBeUndefined()
})
