// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import {
  generateX25519,
  nodeCrypto,
  signerOf,
  x25519PublicKey,
} from '../../../agent/shell/node-crypto.ts'
import { toHex } from '../../../nat/hex.ts'

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('the primitives', () => {
  test('sign and verify as RFC 8032 section 7.1, test 2', () => {
    const seed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
    const signer = signerOf(bytesOf(seed))
    expect(toHex(signer.publicKey)).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
    const message = Uint8Array.of(0x72)
    const signature = signer.sign(message)
    expect(toHex(signature)).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
    expect(nodeCrypto.verify(signer.publicKey, message, signature)).toBe(true)
    expect(nodeCrypto.verify(signer.publicKey, Uint8Array.of(0x73), signature)).toBe(false)
  })

  test('take whatever is malformed for a wrong signature', () => {
    const { publicKey } = signerOf(new Uint8Array(32))
    const message = Uint8Array.of(1)
    for (const length of [0, 31, 33, 64]) {
      expect(nodeCrypto.verify(new Uint8Array(length), message, new Uint8Array(64))).toBe(false)
      expect(nodeCrypto.verify(publicKey, message, new Uint8Array(length))).toBe(false)
    }
    expect(() => signerOf(new Uint8Array(31))).toThrow(RangeError)
  })

  test('derive X25519 keys as RFC 7748 section 6.1', () => {
    const bob = bytesOf('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
    expect(toHex(x25519PublicKey(bob))).toBe(
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    )
    const pair = generateX25519()
    expect(x25519PublicKey(pair.privateKey)).toEqual(pair.publicKey)
    expect(pair.privateKey[0]! & 7).toBe(0)
    expect(pair.privateKey[31]! & 0xc0).toBe(0x40)
  })

  test('hash and authenticate as FIPS 180 and RFC 4231 say', () => {
    expect(toHex(nodeCrypto.hash(new TextEncoder().encode('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    const key = new Uint8Array(20).fill(0x0b)
    expect(toHex(nodeCrypto.mac(key, new TextEncoder().encode('Hi There')))).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    )
  })
})
