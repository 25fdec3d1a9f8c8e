// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { fromHex } from '../../nat/hex.ts'
import { x25519Schema } from '../../topology/x25519-schema.ts'

const SMALL_ORDER = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]
const withTopBit = (key: string) =>
  key.slice(0, -2) + (Number.parseInt(key.slice(-2), 16) | 0x80).toString(16)
/** RFC 8410, section 4. */
const publicKey = (raw: Uint8Array) => {
  const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}

it.each([...SMALL_ORDER, ...SMALL_ORDER.map(withTopBit)])(
  '%s shares no secret, and is no key',
  (key) => {
    const raw = fromHex(key)!
    const { privateKey } = generateKeyPairSync('x25519')
    expect(() => diffieHellman({ privateKey, publicKey: publicKey(raw) })).toThrow()
    expect(x25519Schema.read(raw)).toBeUndefined()
  },
)

it.each(['02', '03', 'f0'])('any other is a key (%s...)', (first) => {
  const raw = fromHex(first + 'ff'.repeat(30) + '7f')!
  const { privateKey } = generateKeyPairSync('x25519')
  expect(diffieHellman({ privateKey, publicKey: publicKey(raw) })).toHaveLength(32)
  expect(x25519Schema.read(raw)).toBe(first + 'ff'.repeat(30) + '7f')
})
