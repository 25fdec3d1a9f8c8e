// SPDX-License-Identifier: Apache-2.0
import { hex, type Schema } from './cbor-schema.ts'
import { KEY_BYTES, type X25519Key } from './identity.ts'

/**
 * The points of small order on Curve25519 and its twist, as RFC 7748 reads them (section 6.1): with one of these for a public key every
 * shared secret is zero, whatever the private key. A helper refuses a document that has one, as a whole.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

const bytes = hex<X25519Key>(KEY_BYTES)

/** A public key with which secrets can be shared. */
export const x25519Schema: Schema<X25519Key> = {
  ...bytes,
  read: (value) => {
    const key = bytes.read(value)
    return key === undefined || SMALL_ORDER.has(withoutTopBit(key)) ? undefined : key
  },
}

/** X25519 does not look at it. */
function withoutTopBit(key: X25519Key): string {
  const top = Number.parseInt(key.slice(-2), 16) & 0x7f
  return key.slice(0, -2) + top.toString(16).padStart(2, '0')
}
