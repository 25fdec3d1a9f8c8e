// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { decodeCanonical, encodeCanonical } from '../../topology/canonical-cbor.ts'
import { nodeIdOf } from '../../topology/identity.ts'
import { isRenewal, makeRenewal, openRenewal } from '../../topology/renewal.ts'
import { alterations, truncations } from './mutation.ts'
import { certificateOf, network, NOW, signer } from './sample-network.ts'

const node = signer(2)
const next = signer(6)
const { wireguardKey, probeKey } = certificateOf(node)
const wish = { network: network.id, wireguardKey, probeKey, now: NOW }

describe('a renewal', () => {
  test('says which keys a member wants, signed by the key that it has', () => {
    const request = makeRenewal(wish, node, nodeCrypto)
    expect(isRenewal(request)).toBe(true)
    expect(openRenewal(request, nodeCrypto)).toMatchObject({
      ok: true,
      value: { node: nodeIdOf(node.publicKey), successor: null, wireguardKey, probeKey },
    })
  })

  test('names a next node key only with its consent', () => {
    const request = makeRenewal(wish, node, nodeCrypto, next)
    const successor = nodeIdOf(next.publicKey)
    expect(openRenewal(request, nodeCrypto)).toMatchObject({ ok: true, value: { successor } })
    const decoded = decodeCanonical(request, 4096)
    if (!decoded.ok || !Array.isArray(decoded.value)) throw new Error('malformed')
    const [kind, envelope] = decoded.value
    const without = encodeCanonical([kind, envelope, null])
    expect(openRenewal(without, nodeCrypto)).toEqual({ ok: false, error: 'malformed' })
    const byAnother = encodeCanonical([kind, envelope, node.sign(envelope)])
    expect(openRenewal(byAnother, nodeCrypto)).toEqual({ ok: false, error: 'bad-signature' })
  })

  test('that was cut short or altered is refused, and random bytes never throw', () => {
    const request = makeRenewal(wish, node, nodeCrypto, next)
    for (const broken of [...truncations(request), ...alterations(request)])
      expect(openRenewal(broken, nodeCrypto).ok).toBe(false)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(openRenewal(bytes, nodeCrypto).ok).toBe(false)
        expect(isRenewal(bytes)).toBe(false)
      }),
    )
  })
})
