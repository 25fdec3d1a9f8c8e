// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FoundingWish, foundNetwork } from '../../../../agent/shell/authority/found-network.ts'
import { nodeCrypto, signerOf } from '../../../../agent/shell/node-crypto.ts'
import { openAuthorityStore } from '../../../../agent/shell/authority/sqlite-authority-store.ts'
import { StateDir } from '../../../../agent/shell/state/state-dir.ts'
import { verifyCertificate } from '../../../../topology/certificate-codec.ts'
import { nodeIdOf } from '../../../../topology/identity.ts'
import { NOW, signer } from '../../../topology/sample-network.ts'
import { askToJoin, issue, sampleAuthority, nodesOf } from '../sample-authority.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const WISH: FoundingWish = {
  networkName: 'home',
  nodeName: 'alpha',
  tags: [],
  ipv4Prefix: undefined,
  localPrefixes: [],
}

function founded(state: StateDir, wish: Partial<FoundingWish> = {}) {
  const membership = foundNetwork(state, { ...WISH, ...wish }, NOW)
  if (!membership.ok) throw new Error(membership.error)
  return membership.value
}

describe('founding a network', () => {
  test('makes this host its authority and its first member', async () => {
    const state = StateDir.open(temporaryDirectory())
    const { network, certificate, certificateBytes } = founded(state, { tags: ['edge'] })
    expect(network.name).toBe('home')
    expect(network.ipv4Prefix).toMatch(/^10\.\d+\.0\.0\/16$/)
    expect(certificate).toMatchObject({
      name: 'alpha',
      tags: ['edge'],
      authority: true,
      node: nodeIdOf(signerOf(state.loadKeys()!.seed).publicKey),
      ipv4: network.ipv4Prefix.replace('0.0/16', '0.1'),
    })
    expect(verifyCertificate(certificateBytes, network, nodeCrypto, NOW).ok).toBe(true)
    expect(state.loadMembership()).toEqual({ network, certificate, certificateBytes })
    expect(signerOf(state.loadAuthorityKey()!.seed).publicKey).toEqual(network.authorityKey)
  })

  test('is refused where there is a network already', async () => {
    const state = StateDir.open(temporaryDirectory())
    const before = founded(state)
    expect(foundNetwork(state, WISH, NOW)).toEqual({ ok: false, error: 'already-a-member' })
    expect(state.loadMembership()).toEqual(before)
  })

  test('is taken up again with the same keys after an interruption', async () => {
    const state = StateDir.open(temporaryDirectory())
    const first = founded(state)
    rmSync(join(state.path, 'membership.json'))
    const second = founded(state, { networkName: 'office' })
    expect(second.network).toMatchObject({ id: first.network.id, name: 'office' })
    expect(second.certificate).toMatchObject({ node: first.certificate.node })
    expect(second.certificate.serial).toBeGreaterThan(first.certificate.serial)
    const store = openAuthorityStore(state.authorityDbPath)
    expect(await nodesOf({ store })).toHaveLength(1)
    store.close()
  })

  test('is refused where the key of a network with members lies', async () => {
    const state = StateDir.open(temporaryDirectory())
    founded(state)
    const sample = sampleAuthority(state.authorityDbPath)
    const token = await issue(sample)
    const joiner = { node: signer(20), token, name: 'beta' }
    expect((await askToJoin(sample, joiner)).kind).toBe('accepted')
    rmSync(join(state.path, 'membership.json'))
    expect(foundNetwork(state, WISH, NOW)).toEqual({ ok: false, error: 'authority-in-use' })
    expect(await nodesOf(sample)).toHaveLength(2)
  })

  test('takes the prefix that was asked for, or one that clashes with no local route', async () => {
    const given = founded(StateDir.open(temporaryDirectory()), { ipv4Prefix: '172.20.0.0/16' })
    expect(given.network.ipv4Prefix).toBe('172.20.0.0/16')
    const localPrefixes = Array.from({ length: 255 }, (_, i) => `10.${i}.3.4/24`)
    const chosen = founded(StateDir.open(temporaryDirectory()), { localPrefixes })
    expect(chosen.network.ipv4Prefix).toBe('10.255.0.0/16')
  })

  test('says what is wrong with a wish before anything is written', async () => {
    const state = StateDir.open(temporaryDirectory())
    const wishes = {
      'bad-network-name': { networkName: 'Home Net' },
      'bad-node-name': { nodeName: '-' },
      'bad-tags': { tags: ['a b'] },
      'bad-prefix': { ipv4Prefix: '198.51.100.0/24' },
      'no-free-prefix': { localPrefixes: ['10.1.2.3/8'] },
    }
    for (const [error, wish] of Object.entries(wishes)) {
      expect(foundNetwork(state, { ...WISH, ...wish }, NOW)).toEqual({ ok: false, error })
    }
    expect(state.loadKeys()).toBeUndefined()
  })
})
