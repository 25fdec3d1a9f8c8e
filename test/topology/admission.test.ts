// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import {
  makeJoinRequest,
  openJoinRequest,
  proofKeyOf,
  verifyJoinRequest,
} from '../../topology/admission.ts'
import { signCertificate } from '../../topology/certificate-codec.ts'
import type { Signer } from '../../topology/crypto.ts'
import { nodeIdOf } from '../../topology/identity.ts'
import {
  encodeAcceptance,
  encodeRefusal,
  JOIN_REPLY_BYTES_MAX,
  readJoinReply,
  REFUSAL_REASONS,
} from '../../topology/join-reply.ts'
import { parseToken, type Token } from '../../topology/token.ts'
import { alterations, truncations } from './mutation.ts'
import {
  authority,
  certificateOf,
  countingCrypto,
  network,
  networkOf,
  NOW,
  recordOf,
  signer,
  tokenText,
} from './sample-network.ts'

const node = signer(2)
const { wireguardKey, probeKey } = certificateOf(node)
const proofKey = proofKeyOf(new Uint8Array(32).fill(5), nodeCrypto)
const verify = (bytes: Uint8Array, key = proofKey) => verifyJoinRequest(bytes, key, nodeCrypto)

function sampleToken(): Token {
  const token = parseToken(tokenText(), nodeCrypto, NOW)
  if (!token.ok) throw new Error(token.error)
  return token.value
}

function requestBy(by: Signer = node, crypto = countingCrypto()): Uint8Array {
  const wish = { token: sampleToken(), wireguardKey, probeKey, name: 'web-1', now: NOW }
  return makeJoinRequest(wish, by, crypto)
}

describe('a join request', () => {
  test('names the token, the keys and the wanted name', () => {
    expect(verify(requestBy())).toMatchObject({
      ok: true,
      value: {
        network: network.id,
        token: '0f'.repeat(16),
        node: nodeIdOf(node.publicKey),
        wireguardKey,
        probeKey,
        name: 'web-1',
        issuedAt: NOW,
      },
    })
  })

  test('is never the same twice', () => {
    expect(requestBy(node, nodeCrypto)).not.toEqual(requestBy(node, nodeCrypto))
  })

  test('is refused when it is cut short or altered anywhere', () => {
    const request = requestBy()
    for (const broken of [...truncations(request), ...alterations(request)]) {
      expect(verify(broken).ok).toBe(false)
    }
  })

  test('proves the secret, bound to its own keys', () => {
    const wrong = proofKeyOf(new Uint8Array(32).fill(6), nodeCrypto)
    expect(verify(requestBy(), wrong)).toEqual({ ok: false, error: 'bad-proof' })
    // Another node's request with this one's proof: it is the last 32 bytes.
    const mixed = requestBy(signer(3))
    mixed.set(requestBy().subarray(-32), mixed.length - 32)
    expect(verify(mixed)).toEqual({ ok: false, error: 'bad-proof' })
  })

  test('does not carry the secret', () => {
    const text = Buffer.from(requestBy()).toString('latin1')
    expect(text).not.toContain('\x05'.repeat(32))
  })

  test('that is too large is refused unread', () => {
    expect(openJoinRequest(new Uint8Array(2561), nodeCrypto)).toEqual({
      ok: false,
      error: 'too-large',
    })
  })
})

describe('a join reply', () => {
  const request = requestBy()
  const awaited = { authorityKey: authority.publicKey, request, now: NOW }
  const certificate = signCertificate(certificateOf(node), authority)
  const records = [recordOf(signer(3)).bytes]
  const accept = (changes = {}) =>
    encodeAcceptance({ request, certificate, network, records, ...changes }, authority, nodeCrypto)
  const read = (reply: Uint8Array) => readJoinReply(reply, awaited, nodeCrypto)

  test('that accepts holds certificate, network and records', () => {
    expect(read(accept())).toEqual({
      ok: true,
      value: {
        kind: 'accepted',
        certificate: certificateOf(node),
        certificateBytes: certificate,
        network,
        records,
      },
    })
  })

  test('that refuses holds the reason and a sentence', () => {
    for (const reason of REFUSAL_REASONS) {
      const sentence = 'What to do.'
      expect(read(encodeRefusal({ reason, sentence }))).toEqual({
        ok: true,
        value: { kind: 'refused', reason, sentence },
      })
    }
    const long = read(encodeRefusal({ reason: 'malformed', sentence: 'x'.repeat(9_999) }))
    expect(long.ok && long.value.kind === 'refused' && long.value.sentence).toHaveLength(400)
  })

  test('is refused when it is cut short, and never believed when it is altered', () => {
    const bare = accept({ records: [] })
    for (const broken of truncations(bare)) expect(read(broken).ok).toBe(false)
    for (const broken of alterations(bare)) expect(read(broken).ok).toBe(false)
  })

  test('to another request, from another authority or about another network is refused', () => {
    const refused = (error: string) => ({ ok: false, error })
    expect(read(accept({ request: requestBy(signer(3)) }))).toEqual(refused('other-request'))
    const others = signCertificate(certificateOf(signer(3)), authority)
    expect(read(accept({ certificate: others }))).toEqual(refused('other-request'))
    const forged = { request, certificate, network, records }
    expect(read(encodeAcceptance(forged, signer(7), nodeCrypto))).toEqual(refused('bad-signature'))
    expect(read(accept({ network: networkOf(signer(7)) }))).toEqual(refused('wrong-id'))
    expect(read(accept({ network: { ...network, ipv6Prefix: 'fd00::/48' } }))).toEqual(
      refused('wrong-id'),
    )
    expect(read(accept({ network: { ...network, ipv4Prefix: '0.0.0.0/0' } }))).toEqual(
      refused('malformed'),
    )
  })

  test('carries no more records than fit', () => {
    const many = Array.from({ length: 8 }, () => new Uint8Array(8_000).fill(1))
    const reply = accept({ records: many })
    expect(reply.length).toBeLessThanOrEqual(JOIN_REPLY_BYTES_MAX)
    const verdict = read(reply)
    expect(verdict.ok && verdict.value.kind === 'accepted' && verdict.value.records).toHaveLength(1)
  })
})
