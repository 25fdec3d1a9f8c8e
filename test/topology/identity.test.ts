// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { toHex } from '../../nat/hex.ts'
import {
  idBytes,
  networkIdOf,
  nodeIdOf,
  parseNetworkId,
  parseNodeId,
  parseX25519Key,
  x25519KeyOf,
} from '../../topology/identity.ts'
import { authority } from './sample-network.ts'

test('ids and keys are lower-case hex of their length, nothing else', () => {
  const key = 'ab'.repeat(32)
  expect(parseNodeId(key)).toEqual({ ok: true, value: key })
  expect(parseX25519Key(key)).toEqual({ ok: true, value: key })
  expect(parseNetworkId(key.slice(32))).toEqual({ ok: true, value: key.slice(32) })
  for (const bad of ['', key.slice(1), `${key}ab`, key.toUpperCase(), `${key.slice(2)}zz`]) {
    expect(parseNodeId(bad)).toEqual({ ok: false, error: 'malformed-id' })
    expect(parseX25519Key(bad)).toEqual({ ok: false, error: 'malformed-key' })
    expect(parseNetworkId(bad)).toEqual({ ok: false, error: 'malformed-id' })
  }
})

test('ids are the bytes that they stand for', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => 255 - i)
  expect(idBytes(nodeIdOf(bytes))).toEqual(bytes)
  expect(idBytes(x25519KeyOf(bytes))).toEqual(bytes)
  expect(() => nodeIdOf(bytes.subarray(1))).toThrow(RangeError)
})

test("a network's id is the start of its authority key's hash", () => {
  const hash = toHex(nodeCrypto.hash(authority.publicKey))
  expect(networkIdOf(authority.publicKey, nodeCrypto)).toBe(hash.slice(0, 32))
})
