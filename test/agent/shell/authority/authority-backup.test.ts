// SPDX-License-Identifier: Apache-2.0
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  adoptMembers,
  allDocuments,
  readBackup,
  writeBackup,
} from '../../../../agent/shell/authority/authority-backup.ts'
import { revokeNode } from '../../../../agent/shell/authority/change-member.ts'
import { authoritySigner } from '../../../../agent/shell/authority/authority-signer.ts'
import { nodeCrypto, signerOf } from '../../../../agent/shell/node-crypto.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { toHex } from '../../../../nat/hex.ts'
import { signCertificate, verifyCertificate } from '../../../../topology/certificate-codec.ts'
import {
  DELEGATED_RIGHTS,
  type Delegation,
  signDelegation,
} from '../../../../topology/delegation.ts'
import { authority, certificateOf, network, NOW, signer } from '../../../topology/sample-network.ts'
import { askToJoin, issue, nodesOf, sampleAuthority, tokensOf } from '../sample-authority.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const seed = new Uint8Array(32).fill(1)

describe('a backup of an authority', () => {
  test('brings back tokens, members, names and addresses', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 3 })
    await askToJoin(sample, { node: signer(20), token, name: 'alpha' })
    const file = join(temporaryDirectory(), 'backup.json')
    writeBackup(file, { seed, network, documents: await allDocuments(sample.store) })
    expect(statSync(file).mode & 0o777).toBe(0o600)

    const backup = readBackup(file)
    expect(backup).toMatchObject({ seed, network })
    const restored = sampleAuthority()
    await restored.store.documents((documents) => {
      for (const [key, value] of backup.documents) documents.put(key, value)
    })
    expect(await nodesOf(restored)).toEqual(await nodesOf(sample))
    expect(await tokensOf(restored)).toEqual(await tokensOf(sample))
    const next = await askToJoin(restored, { node: signer(21), token, name: 'beta' })
    expect(next).toMatchObject({ kind: 'accepted', certificate: { ipv4: '10.7.0.2' } })
  })

  test('that is older than the network gives no name and no address twice', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 5 })
    // Admitted after the backup was made: only its own record tells of it.
    const certificate = certificateOf(signer(30), { name: 'late', ipv4: '10.7.0.1', serial: 7 })
    const bytes = signCertificate(certificate, authority)
    const adopt = () =>
      sample.store.transact((ledger) => adoptMembers(ledger, [{ certificate, bytes }], NOW))
    expect(await adopt()).toBe(1)
    expect(await adopt()).toBe(0)
    const twin = await askToJoin(sample, { node: signer(31), token, name: 'late' })
    expect(twin).toMatchObject({ kind: 'refused', reason: 'name-taken' })
    const other = await askToJoin(sample, { node: signer(31), token, name: 'other' })
    expect(other).toMatchObject({ certificate: { ipv4: '10.7.0.2' } })
  })

  test('does not bring back who was revoked', async () => {
    const sample = sampleAuthority()
    await askToJoin(sample, { node: signer(20), token: await issue(sample), name: 'alpha' })
    const [member] = await nodesOf(sample)
    const { certificate, certificateBytes: bytes } = member!
    await sample.store.transact((ledger) =>
      revokeNode(ledger, certificate.node, { network, authority, now: NOW }),
    )
    const shown = [{ certificate, bytes }]
    expect(await sample.store.transact((ledger) => adoptMembers(ledger, shown, NOW))).toBe(0)
  })

  test("of a delegate brings back its right too, and none of the root's", () => {
    const ownSeed = new Uint8Array(32).fill(50)
    const own = signerOf(ownSeed)
    const right: Delegation = {
      network: network.id,
      key: toHex(own.publicKey),
      serial: 7,
      scope: DELEGATED_RIGHTS,
      notBefore: NOW,
      notAfter: wallTime(NOW + 86_400_000),
    }
    const file = join(temporaryDirectory(), 'backup.json')
    const delegation = signDelegation(right, authority)
    writeBackup(file, { seed: ownSeed, delegation, network, documents: [] })

    const backup = readBackup(file)
    const restored = authoritySigner(backup, backup.network)
    expect(restored.publicKey).toEqual(own.publicKey)
    expect(restored.delegation?.notAfter).toBe(right.notAfter)
    const certificate = certificateOf(signer(20), { notAfter: right.notAfter })
    const bytes = signCertificate(certificate, restored)
    expect(verifyCertificate(bytes, network, nodeCrypto, NOW)).toMatchObject({ ok: true })
    // The same key without the root's word signs nothing that anybody believes.
    const bare = authoritySigner({ seed: backup.seed }, network)
    const unbelieved = signCertificate(certificate, bare)
    expect(verifyCertificate(unbelieved, network, nodeCrypto, NOW).ok).toBe(false)
    // Nor does another key with that word.
    expect(() => authoritySigner({ seed, delegation }, network)).toThrow(
      expect.objectContaining({ code: 'bad-delegation' }),
    )
  })

  test('that is cut short or of another kind is refused', () => {
    const file = join(temporaryDirectory(), 'backup.json')
    for (const text of ['', '{', '{"format":"meshgate authority backup","version":2}']) {
      writeFileSync(file, text)
      expect(() => readBackup(file)).toThrow(expect.objectContaining({ code: 'bad-backup' }))
    }
  })
})
