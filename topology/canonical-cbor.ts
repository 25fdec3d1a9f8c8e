// SPDX-License-Identifier: Apache-2.0
/**
 * Canonical CBOR (RFC 8949 section 4.2.1): shortest forms, sorted text keys, definite lengths. One
 * value has one encoding, so bytes can be signed, compared and hashed in place of the value.
 */
import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import { err, ok, type Result } from '../nat/result.ts'

export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

export type CborFault = 'too-large' | 'malformed'

/** Nesting of the deepest of our own documents is 5; what is deeper is an attack on the stack. */
const DEPTH_MAX = 12

export function encodeCanonical(value: CborValue): Uint8Array {
  // A copy: cborg hands out windows on a pool of 64 KiB, some of them Buffers, whose slice() does not copy.
  return new Uint8Array(encode(value, rfc8949EncodeOptions))
}

/** Any other encoding of the same value is malformed, as are trailing bytes. Never throws. */
export function decodeCanonical(bytes: Uint8Array, maxBytes: number): Result<CborValue, CborFault> {
  if (bytes.length > maxBytes) return err('too-large')
  try {
    const value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    }) as CborValue
    if (!isShallow(value, DEPTH_MAX)) return err('malformed')
    // cborg takes unsorted keys, integers written as floats and broken UTF-8 for what they mean.
    return sameBytes(encodeCanonical(value), bytes) ? ok(value) : err('malformed')
  } catch {
    return err('malformed')
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}

function isShallow(value: CborValue, depth: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1))
}
