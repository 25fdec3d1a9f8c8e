// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { verifyCertificate } from '../../../../topology/certificate-codec.ts'
import { readJoinReply } from '../../../../topology/join-reply.ts'
import { parseToken } from '../../../../topology/token.ts'
import { alterations, truncations } from '../../../topology/mutation.ts'
import {
  authority as authoritySigner,
  network,
  networkOf,
  NOW,
  recordOf,
  signer,
} from '../../../topology/sample-network.ts'
import {
  accepted,
  reasonOf,
  askToJoin,
  askToRenew,
  issue,
  nodesOf,
  requestOf,
  sampleAuthority,
  tokensOf,
  WISH,
} from '../sample-authority.ts'

const HOUR_MS = 3_600_000
const later = (ms: number) => wallTime(NOW + ms)
const node = signer(20)

describe('an authority', () => {
  test('admits the holder of a token with what the token grants', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { tags: ['web', 'edge'], prefixes: ['192.168.1.0/24'] })
    const { certificate, certificateBytes } = accepted(
      await askToJoin(sample, { node, token, name: 'alpha' }),
    )
    expect(certificate).toMatchObject({
      name: 'alpha',
      ipv4: '10.7.0.1',
      tags: ['edge', 'web'],
      prefixes: ['192.168.1.0/24'],
      authority: false,
      notBefore: NOW,
    })
    expect(verifyCertificate(certificateBytes, network, nodeCrypto, NOW).ok).toBe(true)
  })

  test('counts uses, and answers a repeated request with the same certificate', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    const first = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    const again = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    expect(again.certificateBytes).toEqual(first.certificateBytes)
    expect((await tokensOf(sample))[0]?.used).toBe(1)
    const other = await askToJoin(sample, { node: signer(21), token, name: 'beta' })
    expect(reasonOf(other)).toBe('token-used-up')
  })

  test('still answers a repeated request when the token has expired, but not when it was revoked', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    const first = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    const late = accepted(
      await askToJoin(sample, { node, token, name: 'alpha' }, later(2 * HOUR_MS)),
    )
    expect(late.certificateBytes).toEqual(first.certificateBytes)
    await sample.store.transact((ledger) =>
      ledger.putToken({ ...ledger.tokens()[0]!, revoked: true }),
    )
    expect(reasonOf(await askToJoin(sample, { node, token, name: 'alpha' }))).toBe('token-revoked')
  })

  test('gives a node with new session keys a new certificate without a second use', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    const first = accepted(await askToJoin(sample, { node, token, name: 'alpha' })).certificate
    const second = accepted(
      await askToJoin(sample, { node, token, name: 'alpha', key: 8 }),
    ).certificate
    expect(second.serial).toBeGreaterThan(first.serial)
    expect(second).toMatchObject({ ipv4: first.ipv4, wireguardKey: '08'.repeat(32) })
    expect((await tokensOf(sample))[0]?.used).toBe(1)
  })

  test('certifies no session key for two members', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 2 })
    accepted(await askToJoin(sample, { node, token, name: 'alpha', key: 8 }))
    const thief = { node: signer(21), token, name: 'beta', key: 8 }
    expect(reasonOf(await askToJoin(sample, thief))).toBe('keys-taken')
    expect((await tokensOf(sample))[0]?.used).toBe(1)
    accepted(await askToJoin(sample, { ...thief, key: 9 }))
    expect(reasonOf(await askToRenew(sample, thief, later(1)))).toBe('keys-taken')
  })

  test('certifies no session key with which nobody shares a secret', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    expect(reasonOf(await askToJoin(sample, { node, token, name: 'alpha', key: 0 }))).toBe(
      'malformed',
    )
    expect(await nodesOf(sample)).toEqual([])
  })

  test('says what is wrong with a request, and what to do', async () => {
    const sample = sampleAuthority()
    const other = sampleAuthority()
    const token = await issue(sample, { namePattern: 'web-*', uses: 3 })
    accepted(await askToJoin(sample, { node, token, name: 'web-1' }))
    const late = { node: signer(21), token, name: 'web-2' }
    const refusals = {
      'token-unknown': await askToJoin(other, late),
      'token-expired': await askToJoin(sample, late, later(HOUR_MS)),
      'name-not-allowed': await askToJoin(sample, { ...late, name: 'db-1' }),
      'name-taken': await askToJoin(sample, { ...late, name: 'web-1' }),
    }
    for (const [reason, reply] of Object.entries(refusals)) {
      expect(reply).toMatchObject({
        kind: 'refused',
        reason,
        sentence: expect.stringMatching(/\w: /),
      })
    }
    expect((await tokensOf(sample))[0]?.used).toBe(1)
  })

  test('refuses a request for another network', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    const elsewhere = sampleAuthority(undefined, networkOf(signer(7)))
    expect(reasonOf(await askToJoin(elsewhere, { node, token, name: 'alpha' }))).toBe(
      'wrong-network',
    )
  })

  test('refuses, with an answer that can be read, whatever is altered or cut short', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    const request = requestOf({ node, token, name: 'alpha' })
    const awaited = { authorityKey: authoritySigner.publicKey, request, now: NOW }
    for (const broken of [...truncations(request), ...alterations(request)]) {
      const reply = readJoinReply(await sample.authority.judge(broken, NOW), awaited, nodeCrypto)
      expect(reply.ok && reply.value.kind).toBe('refused')
    }
    expect(await nodesOf(sample)).toEqual([])
  })

  test('hands out the lowest free address, and says when there is none', async () => {
    const sample = sampleAuthority(undefined, { ...network, ipv4Prefix: '10.7.0.0/29' })
    const token = await issue(sample, { uses: 10 })
    const addresses: string[] = []
    for (const i of [1, 2, 3, 4, 5, 6]) {
      const reply = await askToJoin(sample, { node: signer(30 + i), token, name: `n${i}` })
      addresses.push(accepted(reply).certificate.ipv4)
    }
    expect(addresses).toEqual([1, 2, 3, 4, 5, 6].map((i) => `10.7.0.${i}`))
    expect(reasonOf(await askToJoin(sample, { node: signer(40), token, name: 'n7' }))).toBe(
      'address-plan-full',
    )
  })

  test('keeps the address of a forgotten member until its certificate has run out', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 10, lifetimeMs: 60 * 86_400_000 })
    const { certificate } = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    await sample.store.transact((ledger) => ledger.dropNode(certificate.node))
    const next = async (letter: number, name: string, now = NOW) =>
      accepted(await askToJoin(sample, { node: signer(letter), token, name }, now)).certificate.ipv4
    expect(await next(21, 'alpha')).toBe('10.7.0.2')
    expect(await next(22, 'beta', certificate.notAfter)).toBe('10.7.0.1')
  })

  test('takes name and address back from an ephemeral member that stayed away', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 2, awayMs: 86_400_000, lifetimeMs: 10 * 86_400_000 })
    const { certificate } = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    expect(certificate.notAfter).toBe(NOW + 2 * 86_400_000)
    const next = { node: signer(21), token, name: 'alpha' }
    expect(reasonOf(await askToJoin(sample, next))).toBe('name-taken')
    const at = later(2 * 86_400_000)
    expect(accepted(await askToJoin(sample, next, at)).certificate.ipv4).toBe('10.7.0.1')
  })

  test('sends records along, as many as fit', async () => {
    const sample = sampleAuthority()
    const request = requestOf({ node, token: await issue(sample), name: 'alpha' })
    const records = Array.from({ length: 20 }, () => recordOf(signer(2)).bytes)
    const reply = await sample.authority.judge(request, NOW, records)
    const awaited = { authorityKey: authoritySigner.publicKey, request, now: NOW }
    const read = readJoinReply(reply, awaited, nodeCrypto)
    expect(read.ok && read.value.kind === 'accepted' && read.value.records).toEqual(
      records.slice(0, 8),
    )
    expect(reply.length).toBeLessThanOrEqual(16_384)
  })

  test('makes no token out of a wish that no certificate could carry', async () => {
    const { authority, store } = sampleAuthority()
    const wishes = {
      'bad-name-pattern': { namePattern: 'web.*' },
      'bad-tags': { tags: ['not a tag'] },
      'bad-prefixes': { prefixes: ['192.168.1.1/24'] },
      'bad-uses': { uses: 0 },
      'bad-lifetime': { lifetimeMs: 400 * 86_400_000 },
      'bad-away-time': { awayMs: 1_000 },
    }
    for (const [error, wish] of Object.entries(wishes)) {
      expect(await authority.createToken({ ...WISH, ...wish }, NOW)).toEqual({ ok: false, error })
    }
    expect(await tokensOf({ store })).toEqual([])
  })

  test('lists tokens without their secrets', async () => {
    const sample = sampleAuthority()
    const token = parseToken(await issue(sample), nodeCrypto, NOW)
    const [listed] = await tokensOf(sample)
    expect(token.ok && listed?.grant).toEqual(token.ok && token.value.grant)
    expect(token.ok && listed?.proofKey).toEqual(token.ok && nodeCrypto.hash(token.value.secret))
  })
})
