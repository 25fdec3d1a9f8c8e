// SPDX-License-Identifier: Apache-2.0
/**
 * The helper and `wg` write keys in base64, the mesh in hex. Both are bijective for 32 bytes, so either names the key.
 */
import { fromHex } from '../../nat/hex.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Standard base64 with padding of lower-case hex text. */
export function hexToBase64(hex: string): string {
  const bytes = fromHex(hex)
  if (bytes === undefined) throw new RangeError('not lower-case hex')
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i]!, bytes[i + 1], bytes[i + 2]]
    const word = (a << 16) | ((b ?? 0) << 8) | (c ?? 0)
    text += ALPHABET[word >> 18]! + ALPHABET[(word >> 12) & 63]!
    text += b === undefined ? '=' : ALPHABET[(word >> 6) & 63]!
    text += c === undefined ? '=' : ALPHABET[word & 63]!
  }
  return text
}
