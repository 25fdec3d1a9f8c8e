// SPDX-License-Identifier: Apache-2.0
/** Ids are hex text and are turned to bytes and back in every step: by table, not by parsing. */
const TEXT_OF = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const BYTE_OF = new Map(TEXT_OF.map((text, byte) => [text, byte]))

/** Lower-case hex text of bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += TEXT_OF[byte]
  return text
}

/** Bytes of lower-case hex text, or undefined if it is anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const byte = BYTE_OF.get(text.slice(2 * i, 2 * i + 2))
    if (byte === undefined) return undefined
    bytes[i] = byte
  }
  return bytes
}
