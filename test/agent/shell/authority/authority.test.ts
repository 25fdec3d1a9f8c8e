// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { EPHEMERAL_LIFETIME_MS } from '../../../../agent/shell/authority/admit-node.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { verifyCertificate } from '../../../../topology/certificate-codec.ts'
import type { TokenId } from '../../../../topology/grant.ts'
import { readJoinReply, type JoinReply } from '../../../../topology/join-reply.ts'
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
import { askToJoin, issue, requestOf, sampleAuthority, WISH } from '../sample-authority.ts'

const HOUR_MS = 3_600_000
const later = (ms: number) => wallTime(NOW + ms)
const node = signer(20)

function accepted(reply: JoinReply) {
  if (reply.kind !== 'accepted') throw new Error(reply.reason)
  return reply
}

function reasonOf(reply: JoinReply): string {
  return reply.kind === 'refused' ? reply.reason : reply.kind
}

describe('an authority', () => {
  test('admits the holder of a token with what the token grants', () => {
    const sample = sampleAuthority()
    const token = issue(sample, { tags: ['web', 'edge'], prefixes: ['192.168.1.0/24'] })
    const { certificate, certificateBytes } = accepted(
      askToJoin(sample, { node, token, name: 'alpha' }),
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

  test('counts uses, and answers a repeated request with the same certificate', () => {
    const sample = sampleAuthority()
    const token = issue(sample)
    const first = accepted(askToJoin(sample, { node, token, name: 'alpha' }))
    const again = accepted(askToJoin(sample, { node, token, name: 'alpha' }))
    expect(again.certificateBytes).toEqual(first.certificateBytes)
    expect(sample.store.listTokens()[0]?.used).toBe(1)
    const other = askToJoin(sample, { node: signer(21), token, name: 'beta' })
    expect(reasonOf(other)).toBe('token-used-up')
  })

  test('still answers a repeated request when the token has expired, but not when it was revoked', () => {
    const sample = sampleAuthority()
    const token = issue(sample)
    const first = accepted(askToJoin(sample, { node, token, name: 'alpha' }))
    const late = accepted(askToJoin(sample, { node, token, name: 'alpha' }, later(2 * HOUR_MS)))
    expect(late.certificateBytes).toEqual(first.certificateBytes)
    expect(sample.store.revokeToken(sample.store.listTokens()[0]!.grant.id)).toBe(true)
    expect(reasonOf(askToJoin(sample, { node, token, name: 'alpha' }))).toBe('token-revoked')
  })

  test('gives a node with new session keys a new certificate without a second use', () => {
    const sample = sampleAuthority()
    const token = issue(sample)
    const first = accepted(askToJoin(sample, { node, token, name: 'alpha' })).certificate
    const second = accepted(askToJoin(sample, { node, token, name: 'alpha', key: 8 })).certificate
    expect(second.serial).toBeGreaterThan(first.serial)
    expect(second).toMatchObject({ ipv4: first.ipv4, wireguardKey: '08'.repeat(32) })
    expect(sample.store.listTokens()[0]?.used).toBe(1)
  })

  test('says what is wrong with a request, and what to do', () => {
    const sample = sampleAuthority()
    const other = sampleAuthority()
    const token = issue(sample, { namePattern: 'web-*', uses: 3 })
    accepted(askToJoin(sample, { node, token, name: 'web-1' }))
    const late = { node: signer(21), token, name: 'web-2' }
    const refusals = {
      'token-unknown': askToJoin(other, late),
      'token-expired': askToJoin(sample, late, later(HOUR_MS)),
      'name-not-allowed': askToJoin(sample, { ...late, name: 'db-1' }),
      'name-taken': askToJoin(sample, { ...late, name: 'web-1' }),
    }
    for (const [reason, reply] of Object.entries(refusals)) {
      expect(reply).toMatchObject({
        kind: 'refused',
        reason,
        sentence: expect.stringMatching(/\w: /),
      })
    }
    expect(sample.store.listTokens()[0]?.used).toBe(1)
  })

  test('refuses a request for another network', () => {
    const sample = sampleAuthority()
    const token = issue(sample)
    const elsewhere = sampleAuthority(undefined, networkOf(signer(7)))
    expect(reasonOf(askToJoin(elsewhere, { node, token, name: 'alpha' }))).toBe('wrong-network')
  })

  test('refuses, with an answer that can be read, whatever is altered or cut short', () => {
    const sample = sampleAuthority()
    const token = issue(sample)
    const request = requestOf({ node, token, name: 'alpha' })
    const awaited = { authorityKey: authoritySigner.publicKey, request, now: NOW }
    for (const broken of [...truncations(request), ...alterations(request)]) {
      const reply = readJoinReply(sample.authority.judge(broken, NOW), awaited, nodeCrypto)
      expect(reply.ok && reply.value.kind).toBe('refused')
    }
    expect(sample.store.listNodes()).toEqual([])
  })

  test('hands out the lowest free address, and says when there is none', () => {
    const sample = sampleAuthority(undefined, { ...network, ipv4Prefix: '10.7.0.0/29' })
    const token = issue(sample, { uses: 10 })
    const addresses = [1, 2, 3, 4, 5, 6].map(
      (i) =>
        accepted(askToJoin(sample, { node: signer(30 + i), token, name: `n${i}` })).certificate
          .ipv4,
    )
    expect(addresses).toEqual([1, 2, 3, 4, 5, 6].map((i) => `10.7.0.${i}`))
    expect(reasonOf(askToJoin(sample, { node: signer(40), token, name: 'n7' }))).toBe(
      'address-plan-full',
    )
  })

  test('keeps the address of a forgotten member until its certificate has run out', () => {
    const sample = sampleAuthority()
    const token = issue(sample, { uses: 10, lifetimeMs: 60 * 86_400_000 })
    const { certificate } = accepted(askToJoin(sample, { node, token, name: 'alpha' }))
    expect(sample.store.forgetNode('alpha')).toBe(true)
    expect(sample.store.forgetNode('alpha')).toBe(false)
    const next = (letter: number, name: string, now = NOW) =>
      accepted(askToJoin(sample, { node: signer(letter), token, name }, now)).certificate.ipv4
    expect(next(21, 'alpha')).toBe('10.7.0.2')
    expect(next(22, 'beta', certificate.notAfter)).toBe('10.7.0.1')
  })

  test('takes name and address back from an ephemeral member that stayed away', () => {
    const sample = sampleAuthority()
    const token = issue(sample, { uses: 2, ephemeral: true, lifetimeMs: 10 * 86_400_000 })
    const { certificate } = accepted(askToJoin(sample, { node, token, name: 'alpha' }))
    expect(certificate.notAfter).toBe(NOW + EPHEMERAL_LIFETIME_MS)
    const next = { node: signer(21), token, name: 'alpha' }
    expect(reasonOf(askToJoin(sample, next))).toBe('name-taken')
    const at = later(EPHEMERAL_LIFETIME_MS)
    expect(accepted(askToJoin(sample, next, at)).certificate.ipv4).toBe('10.7.0.1')
  })

  test('sends records along, as many as fit', () => {
    const sample = sampleAuthority()
    const request = requestOf({ node, token: issue(sample), name: 'alpha' })
    const records = Array.from({ length: 20 }, () => recordOf(signer(2)).bytes)
    const reply = sample.authority.judge(request, NOW, records)
    const awaited = { authorityKey: authoritySigner.publicKey, request, now: NOW }
    const read = readJoinReply(reply, awaited, nodeCrypto)
    expect(read.ok && read.value.kind === 'accepted' && read.value.records).toEqual(
      records.slice(0, 8),
    )
    expect(reply.length).toBeLessThanOrEqual(16_384)
  })

  test('renews at half of the lifetime and not before', () => {
    const sample = sampleAuthority()
    const { certificate, certificateBytes } = accepted(
      askToJoin(sample, { node, token: issue(sample), name: 'alpha' }),
    )
    const half = (certificate.notAfter - certificate.notBefore) / 2
    const renew = (ms: number) => sample.authority.renew(certificateBytes, later(ms))
    expect(renew(half - 1)).toEqual({ ok: true, value: certificateBytes })
    const renewed = renew(half)
    const verdict = renewed.ok && verifyCertificate(renewed.value, network, nodeCrypto, later(half))
    expect(verdict && verdict.ok && verdict.value).toMatchObject({
      ipv4: certificate.ipv4,
      notAfter: certificate.notAfter + half,
    })
    expect(verdict && verdict.ok && verdict.value.serial).toBeGreaterThan(certificate.serial)
    sample.store.forgetNode('alpha')
    expect(renew(half)).toEqual({ ok: false, error: 'unknown-node' })
    expect(sample.authority.renew(Uint8Array.of(1), NOW)).toEqual({ ok: false, error: 'not-ours' })
  })

  test('makes no token out of a wish that no certificate could carry', () => {
    const { authority, store } = sampleAuthority()
    const wishes = {
      'bad-name-pattern': { namePattern: 'web.*' },
      'bad-tags': { tags: ['not a tag'] },
      'bad-prefixes': { prefixes: ['192.168.1.1/24'] },
      'bad-uses': { uses: 0 },
      'bad-lifetime': { lifetimeMs: 400 * 86_400_000 },
    }
    for (const [error, wish] of Object.entries(wishes)) {
      expect(authority.createToken({ ...WISH, ...wish }, NOW)).toEqual({ ok: false, error })
    }
    expect(store.listTokens()).toEqual([])
  })

  test('lists tokens without their secrets, and revokes only those it knows', () => {
    const sample = sampleAuthority()
    const token = parseToken(issue(sample), nodeCrypto, NOW)
    const [listed] = sample.store.listTokens()
    expect(token.ok && listed?.grant).toEqual(token.ok && token.value.grant)
    expect(token.ok && listed?.proofKey).toEqual(token.ok && nodeCrypto.hash(token.value.secret))
    expect(sample.store.revokeToken('00'.repeat(16) as TokenId)).toBe(false)
  })
})
