// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'

/** Bytes of the operating system's generator, in an array of their own. */
export function secureRandom(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}

/** Evenly spread in [0, 1): for jitter, never for keys. */
export function jitter(): number {
  return randomBytes(4).readUInt32BE(0) / 2 ** 32
}
