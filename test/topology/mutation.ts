// SPDX-License-Identifier: Apache-2.0
/** Every way to cut a document short or to alter one byte of it. */

export function* truncations(whole: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < whole.length; length++) yield whole.slice(0, length)
}

/** Three alterations of each byte: its lowest bit, its highest bit, and all of them. */
export function* alterations(whole: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < whole.length; i++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const altered = whole.slice()
      altered[i]! ^= mask
      yield altered
    }
  }
}
